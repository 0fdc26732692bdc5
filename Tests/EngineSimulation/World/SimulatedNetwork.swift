import AutotaskModel
import Contract
import HTTP
import Synchronization

/// The way from a worker to Autotask: it takes its time, and loses things.
struct SimulatedTransport: HTTPTransport {
    let process: SimulatedProcess
    let network: SimulatedNetwork

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await network.send(request, from: process)
    }
}

final class SimulatedNetwork: Sendable {
    /// A write that Autotask committed.
    struct Write: Sendable {
        var username: String
        /// Its place among everything that happened in the run.
        var moment: Int
        /// Whether its caller had given up already.
        var isLate: Bool
    }

    private struct State {
        var inFlight: [String: Int] = [:]
        var maximumInFlight = 0
        var writes: [Write] = []
    }

    /// Autotask commits within this, or never.
    static let longestCommit: Duration = .seconds(240)

    let autotask: FakeAutotask
    private let time: SimulatedTime
    private let faults: FaultPlan
    private let timeline: Timeline
    /// What goes on in Autotask when nobody waits for it.
    private let beyond: SimulatedProcess
    private let scheduler: SeededScheduler
    private let state = Mutex(State())

    init(_ autotask: FakeAutotask, time: SimulatedTime, faults: FaultPlan, timeline: Timeline, scheduler: SeededScheduler) {
        self.autotask = autotask
        self.time = time
        self.faults = faults
        self.timeline = timeline
        self.scheduler = scheduler
        beyond = SimulatedProcess("autotask", on: scheduler)
    }

    var writes: [Write] { state.withLock { $0.writes } }
    var maximumInFlight: Int { state.withLock { $0.maximumInFlight } }

    func send(_ request: HTTPRequest, from process: SimulatedProcess) async throws(HTTPError) -> HTTPResponse {
        let username = request.headers.first { $0.name == "UserName" }.map { String(decoding: $0.value, as: UTF8.self) } ?? ""
        let entity = "\(username) \(request.url.split(separator: "/").last { $0 != "query" } ?? "")"
        state.withLock { state in
            state.inFlight[entity, default: 0] += 1
            if !username.isEmpty { state.maximumInFlight = max(state.maximumInFlight, state.inFlight[entity] ?? 0) }
        }
        defer { state.withLock { $0.inFlight[entity, default: 1] -= 1 } }
        if faults.strikes(.callNotSent) { throw lost(.cannotConnect, request, process, sent: false) }
        await pause(upTo: 400)
        if process.isDead { throw HTTPError(.cancelled, "the process is dead", mayHaveBeenSent: true) }
        if faults.strikes(.tooManyRequests) {
            timeline.note(time.now, process.name, "429 to \(request.method.rawValue) \(entity)")
            return HTTPResponse(status: 429, headers: [(name: "Retry-After", value: "30")])
        }
        if faults.strikes(.serverError) {
            timeline.note(time.now, process.name, "500 to \(request.method.rawValue) \(entity)")
            return HTTPResponse(status: 500)
        }
        if faults.strikes(.callHung) {
            await time.sleep(until: time.now + .seconds(30))
            throw lost(.timedOut, request, process, sent: true)
        }
        if faults.strikes(.lateCommit) {
            let delay = scheduler.draw { Duration.milliseconds(Int.random(in: 0...240_000, using: &$0)) }
            beyond.run { [self] in
                await time.sleep(until: time.now + delay)
                _ = try? await perform(request, username, isLate: true)
            }
            throw lost(.timedOut, request, process, sent: true)
        }
        let response = try await perform(request, username, isLate: false)
        if faults.strikes(.answerLost) { throw lost(.connectionLost, request, process, sent: true) }
        await pause(upTo: 400)
        return response
    }

    private func perform(_ request: HTTPRequest, _ username: String, isLate: Bool) async throws(HTTPError) -> HTTPResponse {
        let response = try await autotask.send(request)
        let isWrite = request.method == .patch || (request.method == .post && !request.url.hasSuffix("/query"))
        if isWrite, response.status == 200 {
            let moment = timeline.note(time.now, "autotask", "\(isLate ? "late " : "")\(request.method.rawValue) for \(username)")
            state.withLock { $0.writes.append(Write(username: username, moment: moment, isLate: isLate)) }
        }
        return response
    }

    private func lost(_ code: HTTPError.Code, _ request: HTTPRequest, _ process: SimulatedProcess, sent: Bool) -> HTTPError {
        timeline.note(
            time.now,
            process.name,
            "\(code.rawValue) of \(request.method.rawValue) \(request.url.split(separator: "/").last ?? "")"
        )
        return HTTPError(code, "a fault of the simulation", mayHaveBeenSent: sent)
    }

    private func pause(upTo milliseconds: Int) async {
        await time.sleep(until: time.now + .milliseconds(scheduler.draw { Int.random(in: 0...milliseconds, using: &$0) }))
    }
}
