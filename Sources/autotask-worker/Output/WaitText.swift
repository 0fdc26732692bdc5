import Contract
import Engine
import Store

/// Why a job waits, since when and until when: the output of `job why`.
struct WaitText: CommandOutput {
    let lane: Lane
    let id: JobID
    let kind: JobKind?
    let acceptedAt: Timestamp
    let state: State

    enum State {
        case waiting(WaitReason)
        /// - Parameter unconfirmed: the event, while the broker has not confirmed it.
        case ended(at: Timestamp, EventType, code: String?, unconfirmed: UnconfirmedEvent?)
    }

    var json: JSON {
        var members: JSONObject = [
            "jobId": .string(id.description), "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue),
            "kind": kind.map { .string($0.rawValue) } ?? .null, "acceptedAt": .string(acceptedAt.description),
        ]
        switch state {
        case .waiting(let reason):
            members["reason"] = .string(reason.word)
            for (name, value) in reason.members { members[name] = value }
            members["text"] = .string(reason.text)
        case .ended(let moment, let event, let code, let unconfirmed):
            members["reason"] = "ended"
            members["endedAt"] = .string(moment.description)
            members["event"] = .string(event.rawValue)
            if let code { members["code"] = .string(code) }
            if let unconfirmed {
                members["eventWaitsSince"] = .string(unconfirmed.since.description)
                members["eventWaitsFor"] = .string(unconfirmed.awaitsErasure ? "erasure" : "broker")
            }
            members["text"] = .string(sentence)
        }
        return .object(members)
    }

    var lines: [String] {
        ["\(kind?.rawValue ?? "job") \(id) of \(lane), accepted \(acceptedAt)", sentence] + advice
    }

    private var sentence: String {
        switch state {
        case .waiting(let reason): reason.text
        case .ended(let moment, let event, let code, let unconfirmed):
            (["It ended at \(moment): \(event.rawValue)\(code.map { " (\($0))" } ?? "")."]
                + [code.flatMap(ErrorCode.init(rawValue:)).map { JobError($0).message }, unconfirmed?.text].compactMap(\.self))
                .joined(separator: " ")
        }
    }

    private var advice: [String] {
        switch state {
        case .waiting(let reason): reason.advice.map { [Terminal.styled($0, .dim)] } ?? []
        case .ended(_, _, let code, let unconfirmed):
            [code.flatMap(ErrorCode.init(rawValue:)).map { JobError($0).hint }, unconfirmed?.advice, "See autotask-worker job show \(id)."]
                .compactMap { $0.map { Terminal.styled($0, .dim) } }
        }
    }
}

extension WaitReason {
    /// The reason in a word, for scripts.
    var word: String {
        switch self {
        case .running: "running"
        case .workerSilent: "worker_silent"
        case .noWorker: "no_worker"
        case .setAside: "set_aside"
        case .retry, .heldBack: "retry"
        case .behind: "behind"
        case .replaced: "replaced"
        case .manyBefore: "many_before"
        case .ends: "ends"
        case .suspect: "suspect"
        case .databaseFull: "database_full"
        case .paused: "paused"
        case .inLine: "in_line"
        }
    }

    fileprivate var members: [(String, JSON)] {
        switch self {
        case .running(let worker, let since):
            [("worker", .string(worker.description)), ("since", since.map { .string($0.description) } ?? .null)]
        case .workerSilent(let worker, let end):
            [("worker", .string(worker.description)), ("until", end.map { .string($0.description) } ?? .null)]
        case .retry(let moment, let code):
            [("until", .string(moment.description)), ("code", code.map { .string($0.rawValue) } ?? .null)]
        case .heldBack(let barrier, let moment, let code):
            [("until", .string(moment.description)), ("code", .string(code.rawValue)), ("barrier", barrier.json)]
        case .behind(let id, let kind, let isRunning):
            [("behind", .string(id.description)), ("behindKind", .string(kind.rawValue)), ("isRunning", .bool(isRunning))]
        case .replaced(let id): [("behind", .string(id.description))]
        case .manyBefore(let count): [("waitingJobs", JSON(Int64(count)))]
        case .ends(let event, let code): [("event", .string(event.rawValue)), ("code", .string(code.rawValue))]
        case .databaseFull(let database, let lanes):
            [("databaseId", JSON(database)), ("integrations", .array(lanes.map { .string($0.description) }))]
        case .paused(let pause):
            [
                ("pause", JSON(pause.id)), ("scope", .string(pause.scope.description)), ("actor", .string(pause.actor)),
                ("since", .string(pause.begin.description)), ("until", .string(pause.end.description)), ("detail", .string(pause.reason)),
            ]
        case .inLine(let ahead): [("ahead", JSON(Int64(ahead)))]
        case .setAside(let reason): [("detail", .string(reason))]
        case .noWorker, .suspect: []
        }
    }

    /// One or two sentences.
    var text: String {
        switch self {
        case .running(_, let since): "It runs\(since.map { " since \($0)" } ?? "")."
        case .workerSilent(let worker, let end):
            "The worker \(worker), which ran its integration, is silent. Another worker takes over\(end.map { " after \($0)" } ?? " now")."
        case .noWorker: "No worker runs."
        case .setAside(let reason): "Its integration is set aside, because a row of it cannot be read: \(reason)."
        case .retry(let moment, let code?): "It is tried again at \(moment), because of \(code.rawValue). \(JobError(code).message)"
        case .retry(let moment, nil): "It is tried again at \(moment)."
        case .heldBack(let barrier, let moment, let code): "\(barrier.text) It is tried again at \(moment) (\(code.rawValue))."
        case .behind(let id, let kind, true): "The \(kind.rawValue) \(id) of the same integration runs first."
        case .behind(let id, let kind, false): "The \(kind.rawValue) \(id) of the same integration goes first, and waits itself."
        case .replaced(let id): "The newer job \(id) replaces it when that begins. If that one expires first, this one runs."
        case .manyBefore(let count): "\(count.of("job")) of the same integration wait, and it is not among the first."
        case .ends(let event, let code): "It ends as \(event.rawValue) (\(code.rawValue)) when a worker next looks at its integration."
        case .suspect: "Workers died during its attempts, and another such job runs. Only one of them runs at a time."
        case .databaseFull(let database, let lanes):
            "Other integrations work on its Autotask database \(database), at most \(ClaimRequest.lanesPerDatabase) at a time: "
                + lanes.map(\.description).joined(separator: ", ") + "."
        case .paused(let pause):
            "\(pause.actor) paused \(pause.scope.words) at \(pause.begin), until \(pause.end): \(pause.reason)"
        case .inLine(let ahead):
            ahead == 0 ? "It is next in line for a free slot." : "\(ahead.of("integration")) are in line before its own."
        }
    }

    /// What to do, where there is something to do.
    fileprivate var advice: String? {
        switch self {
        case .noWorker: "Start one: autotask-worker run. See autotask-worker doctor."
        case .setAside: "Run: autotask-worker doctor"
        case .retry(_, let code?): JobError(code).hint
        case .heldBack(let barrier, _, let code): barrier.advice ?? JobError(code).hint
        case .behind(let id, _, false): "Run: autotask-worker job why \(id)"
        case .paused(let pause): "To end the pause: autotask-worker pause end \(pause.id)"
        case .inLine(let ahead) where ahead > 0: "If the line does not get shorter, raise CONCURRENT_LANES or start another worker."
        case .running, .workerSilent, .retry, .behind, .replaced, .manyBefore, .ends, .suspect, .databaseFull, .inLine: nil
        }
    }
}
