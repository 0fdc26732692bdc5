import AutotaskModel
import Contract
import HTTP
import Synchronization

/// The network between a worker and Autotask: it takes time, and loses messages.
struct SimulatedTransport: HTTPTransport {
    let worker: SimulatedWorker
    let network: SimulatedNetwork

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await network.send(request, from: worker)
    }
}

final class SimulatedNetwork: Sendable {
    /// A write that Autotask committed.
    struct Write: Sendable {
        var username: String
        /// Its position in the order of the whole run.
        var moment: Int
        /// When its call began.
        var begun: Timestamp
        /// Whether its caller had already given up.
        var isLate: Bool
        /// How many writes of the user's tenant the audit log had recorded by then.
        var told: Int
    }

    /// A call whose caller waits.
    private struct Call {
        var caller: SimulatedWorker
        /// `nil` for a zone look-up.
        var target: String?
        var begun: Timestamp
    }

    private struct State {
        var calls: [Int: Call] = [:]
        var lastCall = 0
        var maximumInFlight = 0
        var told: @Sendable (_ username: String) -> Int = { _ in 0 }
        var reports: @Sendable (_ database: Int64, _ service: Int64) -> Set<String> = { _, _ in [] }
        var lateChanges: [String] = []
        var pausedCalls: @Sendable (_ username: String) -> [String] = { _ in [] }
        var callsUnderPauses: [String] = []
        var writes: [Write] = []
        var refusals: [(username: String, secret: String, at: Timestamp)] = []
    }

    /// Autotask commits within this time, or never.
    static let longestCommit: Duration = .seconds(240)

    let autotask: FakeAutotask
    private let time: SimulatedTime
    private let faults: FaultPlan
    private let timeline: Timeline
    /// Runs the work outside of the workers, which continues when they die.
    private let beyond: SimulatedProcess
    private let scheduler: SeededScheduler
    private let state = Mutex(State())
    /// An API user whose calls kill the worker that makes them.
    private let poison: String

    init(
        _ autotask: FakeAutotask,
        time: SimulatedTime,
        faults: FaultPlan,
        timeline: Timeline,
        scheduler: SeededScheduler,
        poison: String
    ) {
        self.autotask = autotask
        self.time = time
        self.faults = faults
        self.timeline = timeline
        self.scheduler = scheduler
        self.poison = poison
        beyond = SimulatedProcess("autotask", on: scheduler)
    }

    var writes: [Write] { state.withLock { $0.writes } }
    /// - Parameter count: returns how many writes of a user's tenant the audit log records at this moment.
    func count(told count: @escaping @Sendable (_ username: String) -> Int) { state.withLock { $0.told = count } }

    /// - Parameter reports: returns the events stored so far that report a service as Synced.
    func observe(_ reports: @escaping @Sendable (_ database: Int64, _ service: Int64) -> Set<String>) {
        state.withLock { $0.reports = reports }
    }

    /// - Parameter find: returns what is wrong with a call that is made now for a user, because a pause holds its job.
    func watchPauses(_ find: @escaping @Sendable (_ username: String) -> [String]) { state.withLock { $0.pausedCalls = find } }

    /// Calls for jobs that began under a pause.
    var callsUnderPauses: [String] { state.withLock { $0.callsUnderPauses } }

    /// Services that were reported as Synced while a late update was pending, which may change the reported state.
    var lateChanges: [String] { state.withLock { $0.lateChanges } }

    /// The highest number of concurrent calls by live workers for one entity of one database.
    var maximumInFlight: Int { state.withLock { $0.maximumInFlight } }
    /// Calls whose credentials Autotask refused with an answer that arrived: a worker cannot learn from a lost one.
    var refusals: [(username: String, secret: String, at: Timestamp)] { state.withLock { $0.refusals } }

    func send(_ request: HTTPRequest, from worker: SimulatedWorker) async throws(HTTPError) -> HTTPResponse {
        let username = request.headers.first { $0.name == "UserName" }?.text ?? ""
        if faults.strikes(.callNotSent) { throw HTTPError(.cannotConnect, "a fault of the simulation", mayHaveBeenSent: false) }
        await pause(upTo: 50)
        if worker.process.isDead { throw HTTPError(.cancelled, "the process is dead", mayHaveBeenSent: false) }
        if request.url.hasSuffix(poison) {
            timeline.note(time.now, worker.process.name, "makes the call that kills it")
            faults.note(.poisonJob)
            worker.die()
        }
        // Nothing lies between this question and the wire.
        guard request.mayStillBeSent?() ?? true else {
            timeline.note(time.now, worker.process.name, "withdraws a call")
            faults.note(.callWithdrawn)
            throw HTTPError(.withdrawn, "the lease is over", mayHaveBeenSent: false)
        }
        let find = state.withLock { $0.pausedCalls }
        let breaches = find(username)
        state.withLock { $0.callsUnderPauses += breaches }
        let number = begin(request, username, worker)
        defer { state.withLock { $0.calls[number] = nil } }
        let answer = OneShot<Result<HTTPResponse, HTTPError>>()
        beyond.run { [self] in answer.give(await exchange(request, username)) }
        let result = await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            answer.give(.failure(HTTPError(.cancelled, "the task was cancelled", mayHaveBeenSent: true)))
        }
        return try result.get()
    }

    /// Counts a call among those in flight.
    private func begin(_ request: HTTPRequest, _ username: String, _ worker: SimulatedWorker) -> Int {
        let user = autotask.user(username)
        let entity = request.url.split(separator: "/").last { $0 != "query" } ?? ""
        let target = user.map { "\(entity) of database \($0.databaseID)" }
        return state.withLock { state in
            state.lastCall += 1
            state.calls[state.lastCall] = Call(caller: worker, target: target, begun: time.now)
            if let target {
                // Calls that a stopped or replaced worker left in flight cannot be withdrawn.
                let others = state.calls.values.filter { call in
                    call.target == target && !call.caller.process.isFrozen && call.begun >= call.caller.lastThaw
                }
                if others.count > max(2, state.maximumInFlight) {
                    let callers = others.sorted { $0.begun < $1.begun }.map { "\($0.caller.process.name) since \($0.begun)" }
                    timeline.note(time.now, "autotask", "\(others.count) calls at once for \(target): \(callers.joined(separator: ", "))")
                }
                state.maximumInFlight = max(state.maximumInFlight, others.count)
            }
            return state.lastCall
        }
    }

    /// Simulates a request on the wire and in Autotask.
    private func exchange(_ request: HTTPRequest, _ username: String) async -> Result<HTTPResponse, HTTPError> {
        let what = "\(request.method.rawValue) \(request.url.split(separator: "/").last ?? "") for \(username)"
        let begun = time.now
        await pause(upTo: 400)
        if faults.strikes(.tooManyRequests) {
            timeline.note(time.now, "autotask", "429 to \(what)")
            return .success(HTTPResponse(status: 429, headers: [(name: "Retry-After", value: "30")]))
        }
        if faults.strikes(.serverError) {
            timeline.note(time.now, "autotask", "500 to \(what)")
            return .success(HTTPResponse(status: 500))
        }
        if faults.strikes(.refusedAnswer) {
            let answer = RefusedAnswer.all[scheduler.draw { Int.random(in: 0..<RefusedAnswer.all.count, using: &$0) }]
            timeline.note(time.now, "autotask", "\(answer.status) \(String(decoding: answer.body, as: UTF8.self)) to \(what)")
            return .success(answer)
        }
        if faults.strikes(.callHung) {
            await time.sleep(until: time.now + .seconds(30))
            return lost(.timedOut, what)
        }
        if faults.strikes(.lateCommit) {
            let delay = scheduler.draw { Duration.milliseconds(Int.random(in: 0...240_000, using: &$0)) }
            let target = target(of: request, username)
            let known = target.map { reports(of: $0) } ?? []
            beyond.run { [self] in
                await time.sleep(until: time.now + delay)
                _ = await perform(request, username, begun: begun, isLate: true)
                guard let target, !reports(of: target).subtracting(known).isEmpty else { return }
                let service = "Service \(target.service) of database \(target.database)"
                state.withLock { $0.lateChanges.append("\(service) was reported as Synced, and a late update changed it.") }
            }
            return lost(.timedOut, what)
        }
        let response = await perform(request, username, begun: begun, isLate: false)
        if faults.strikes(.answerLost) { return lost(.connectionLost, what) }
        if faults.strikes(.answerGarbled) {
            timeline.note(time.now, "autotask", "garbled answer to \(what)")
            return .success(HTTPResponse(status: 200, body: Array("<html>".utf8)))
        }
        await pause(upTo: 400)
        if case .success(let response) = response, response.status == 401 {
            let secret = request.headers.first { $0.name == "Secret" }?.text ?? ""
            state.withLock { $0.refusals.append((username, secret, time.now)) }
        }
        return response
    }

    private func perform(
        _ request: HTTPRequest,
        _ username: String,
        begun: Timestamp,
        isLate: Bool
    ) async -> Result<HTTPResponse, HTTPError> {
        let response: HTTPResponse
        do throws(HTTPError) { response = try await autotask.send(request) } catch { return .failure(error) }
        let isWrite = request.method == .patch || (request.method == .post && !request.url.hasSuffix("/query"))
        if isWrite, response.status == 200 {
            let moment = timeline.note(time.now, "autotask", "\(isLate ? "late " : "")\(request.method.rawValue) for \(username)")
            let told = state.withLock { $0.told }(username)
            state.withLock { $0.writes.append(Write(username: username, moment: moment, begun: begun, isLate: isLate, told: told)) }
        }
        if response.status == 401 {
            timeline.note(time.now, "autotask", "does not accept the credentials of \(username)")
        }
        return .success(response)
    }

    /// The service that an update changes.
    private struct Target {
        var database: Int64
        var service: Int64
    }

    private func target(of request: HTTPRequest, _ username: String) -> Target? {
        guard request.method == .patch, let user = autotask.user(username),
            let service = (try? JSON(parsing: request.body))?["id"]?.integer
        else { return nil }
        return Target(database: user.databaseID, service: service)
    }

    private func reports(of target: Target) -> Set<String> { state.withLock { $0.reports }(target.database, target.service) }

    private func lost(_ code: HTTPError.Code, _ what: String) -> Result<HTTPResponse, HTTPError> {
        timeline.note(time.now, "autotask", "\(code.rawValue) of \(what)")
        return .failure(HTTPError(code, "a fault of the simulation", mayHaveBeenSent: true))
    }

    private func pause(upTo milliseconds: Int) async {
        await time.sleep(until: time.now + .milliseconds(scheduler.draw { Int.random(in: 0...milliseconds, using: &$0) }))
    }
}
