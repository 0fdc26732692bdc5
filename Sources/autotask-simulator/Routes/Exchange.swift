import Contract
import FoundationEssentials
import Hummingbird

/// One call in progress. It is recorded from its beginning, and counts as in flight until ``end(_:isClosed:)``.
struct Exchange: Sendable {
    /// The ways in which a call can end.
    enum Ending: Sendable {
        case answer(Answer)
        /// The connection is closed without an answer. The value is the answer to the work, if any was done.
        case close(insteadOf: Answer?)
        /// The same, and the work is done later.
        case closeThenCommit(@Sendable () async -> Void)
        /// Nothing happens until the fault with this id is removed.
        case hang(Int)
    }

    private let arrival: Arrival
    private let encounter: FaultBoard.Encounter
    private let content: RequestContent
    private let settings: Settings
    private let faults: FaultBoard
    private let journal: CallJournal
    private let position: CallLog.Position
    private let entity: String
    private let start = ContinuousClock.now

    /// - Parameter body: `nil` if it was not read.
    init(_ arrival: Arrival, _ encounter: FaultBoard.Encounter, body: ByteBuffer?, _ simulator: Simulator) {
        self.arrival = arrival
        self.encounter = encounter
        settings = simulator.settings
        faults = simulator.faults
        content = RequestContent(
            authority: arrival.authority,
            path: arrival.path,
            parameters: arrival.parameters,
            body: body.flatMap { try? JSON(parsing: Array($0.readableBytesView)) }
        )
        let subject = arrival.subject
        entity = subject.entity
        journal = arrival.database?.journal ?? simulator.strangers
        position = journal.begin(
            Call(
                sequence: simulator.nextSequence(),
                database: subject.database,
                method: subject.method,
                path: arrival.path,
                zone: (try? arrival.route.get())?.zone?.uppercased(),
                entity: subject.entity,
                operation: subject.operation,
                user: subject.user,
                body: settings.recordBodies ? content.body ?? content.search : nil,
                startedAt: Date(),
                fault: encounter.names.isEmpty ? nil : encounter.names.joined(separator: ",")
            ),
            limit: settings.recordLimit
        )
    }

    /// Records the end of the call.
    ///
    /// - Parameters:
    ///   - answer: the answer to the work; `nil` if none was done.
    ///   - isClosed: whether the client never sees the answer.
    func end(_ answer: Answer?, isClosed: Bool) {
        let outcome = Call.Outcome(status: isClosed ? nil : answer?.status, itemID: answer?.itemID, errors: answer?.errors ?? [])
        journal.end(position, entity: entity, outcome: outcome, duration: ContinuousClock.now - start)
    }

    func run() async -> Ending {
        if let (id, fault) = encounter.fault {
            switch fault.kind {
            case .closeBeforeReading: return .close(insteadOf: nil)
            case .hang: return .hang(id)
            default: break
            }
            if let answer = fault.standIn {
                await wait(latency)
                return .answer(answer)
            }
        }
        let route: Route
        switch arrival.route {
        case .success(let found): route = found
        case .failure(let failure):
            await wait(latency)
            return .answer(failure == .notFound ? .notFound : .methodNotAllowed(arrival.method))
        }
        switch route.target {
        case .zoneInformation:
            await wait(latency)
            return finish(zoneInformation)
        case .versionInformation:
            await wait(latency)
            return finish(.json(["apiVersions": ["V1.0", "V2.0"]]))
        case .version, .threshold, .entity:
            return await authenticated(route)
        }
    }

    /// Runs a call that needs a user. It is admitted or refused on arrival, and its work is done after its latency.
    private func authenticated(_ route: Route) async -> Ending {
        guard let database = arrival.database else {
            await wait(latency)
            return finish(.unauthorized)
        }
        let now = Date()
        let (admission, slowdown) = database.withState { state in
            (state.admit(arrival.credentials, through: route.zone, to: route.entity, at: now), state.quota.delay(at: now))
        }
        switch admission {
        case .refused(let answer):
            await wait(latency)
            return finish(answer)
        case .admitted(let user, let thread):
            let work = { @Sendable in
                database.withState { state in
                    state.leave(thread)
                    return state.perform(route, content, as: user, at: Date())
                }
            }
            if let fault = encounter.fault?.fault, fault.kind == .lateCommit {
                return .closeThenCommit { [journal, position] in
                    await wait(fault.delay)
                    let answer = work()
                    journal.amend(position, itemID: answer.itemID, errors: answer.errors)
                }
            }
            await wait(latency + slowdown * settings.quotaLatencyScale)
            if let (id, fault) = encounter.fault, fault.kind == .hold {
                for await _ in faults.hang(on: id).stream {}
            }
            return finish(work())
        }
    }

    /// The end of a call that did its work or was refused.
    private func finish(_ answer: Answer) -> Ending {
        guard let fault = encounter.fault?.fault else { return .answer(answer) }
        return switch fault.kind {
        case .lostResponse, .lateCommit: .close(insteadOf: answer)
        default: .answer(fault.garble(answer))
        }
    }

    private var latency: Duration {
        let usual = arrival.database?.withState(\.latency) ?? settings.latency
        return usual + encounter.delay
    }

    private func wait(_ duration: Duration) async {
        guard duration > .zero else { return }
        // Only the end of the process cancels a call, and then its result does not matter.
        try? await Task.sleep(for: duration)
    }

    /// The answer to a zone look-up, which needs no authentication, knows the users of all zones, and does not count against a quota.
    private var zoneInformation: Answer {
        guard let database = arrival.database else {
            return .refusal(Refusal("Zone information could not be determined"))
        }
        let zone = database.withState(\.zone)
        let root = "http://\(arrival.authority)/zone/\(zone)/"
        return .json([
            "zoneName": .string(zone),
            "url": .string(root + "ATServicesRest/"),
            "webUrl": .string(root),
            "ci": .integer(database.id),
        ])
    }
}
