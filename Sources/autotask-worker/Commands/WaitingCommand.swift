import ArgumentParser
import Contract
import Store

/// `waiting`: why jobs wait, summed up over all tenants.
struct WaitingCommand: OutputCommand, WatchedCommand {
    static let configuration = CommandConfiguration(
        commandName: "waiting",
        abstract: "Sums up why jobs of all tenants wait.",
        discussion: """
            Each line has a cause, the number of jobs and of integrations that it concerns, when the oldest of these jobs was accepted, and until when \
            they wait. 'job why' has the reason of one job.

            Example: autotask-worker waiting
            """
    )
    @OptionGroup var watch: WatchOptions
    @OptionGroup var output: OutputOptions

    func result(_ settings: Configuration) async throws -> Listing<WaitingGroup> {
        let now = SystemTime.now
        let table = try await OpenStore.using(settings) { try await $0.waiting(at: now) }
        return Listing(elements: table.groups, whenEmpty: "No job waits.")
    }
}

extension WaitingGroup: ListElement {
    static let columns: [Table.Column] = [
        .init("JOBS", "jobs", .number), .init("INTEGRATIONS", "integrations", .number), .init("CAUSE", nil, .words), .init(nil, "reason"),
        .init(nil, "code"), .init(nil, "databaseId"), .init(nil, "zone"), .init(nil, "pause"), .init("OLDEST", "oldest", .time),
        .init("NEXT", "next", .time), .init("UNTIL", "until", .time),
    ]

    var row: Table.Row {
        let about = cause.about
        return Table.Row(cells: [
            .number(Int64(jobs)), .number(Int64(lanes)), .text(text), .text(cause.word), .init(about.code?.rawValue),
            .init(about.database.map { "\($0)" }), .init(about.zone), .init(about.pause.map { "\($0.id)" }), .time(oldest),
            next.map { .time($0) } ?? .absent, until.map { .time($0) } ?? .absent,
        ])
    }

    /// The cause, and what a worker stored about the part of Autotask for which they wait.
    private var text: String {
        guard let barrier else { return cause.text }
        return "\(cause.text); calls are held back since \(barrier.since)\(barrier.until.map { ", until \($0)" } ?? "")"
    }

    /// When the last of them is tried again, or the pause ends.
    private var until: Timestamp? { cause.about.pause?.end ?? last }

    var json: JSON {
        let about = cause.about
        return .members([
            "reason": cause.word, "jobs": jobs, "integrations": lanes, "oldest": oldest, "next": next, "until": until, "code": about.code,
            "databaseId": about.database, "zone": about.zone, "pause": about.pause?.id, "barrier": barrier?.json, "text": text,
        ])
    }
}

extension WaitingCause {
    /// The same words as those of `job why`.
    fileprivate var word: String {
        switch self {
        case .running: "running"
        case .workerSilent: "worker_silent"
        case .noWorker: "no_worker"
        case .setAside: "set_aside"
        case .paused: "paused"
        case .retry: "retry"
        case .behind: "behind"
        case .databaseFull: "database_full"
        case .inLine: "in_line"
        }
    }

    fileprivate var about: (code: ErrorCode?, database: Int64?, zone: String?, pause: Pause?) {
        switch self {
        case .retry(let code, let database, let zone): (code, database, zone, nil)
        case .databaseFull(let database): (nil, database, nil, nil)
        case .paused(let pause): (nil, nil, nil, pause)
        case .running, .workerSilent, .noWorker, .setAside, .behind, .inLine: (nil, nil, nil, nil)
        }
    }

    fileprivate var text: String {
        switch self {
        case .running: "run now"
        case .workerSilent: "held by a worker that is silent; another takes over when its lease ends"
        case .noWorker: "could run, but no worker runs"
        case .setAside: "set aside: a row cannot be read, see autotask-worker doctor"
        case .paused(let pause): "paused by \(pause.actor) (\(pause.scope)): \(pause.reason)"
        case .retry(.rateLimited?, let database?, _): "limits of the Autotask database \(database) (rate_limited)"
        case .retry(let code?, let database?, _): "the Autotask database \(database) does not work (\(code.rawValue))"
        case .retry(let code?, _, let zone?): "the zone \(zone) does not work (\(code.rawValue))"
        case .retry(let code?, _, nil): "tried again after \(code.rawValue)"
        case .retry(nil, _, _): "tried again later"
        case .behind: "behind another job of the same integration"
        case .databaseFull(let database): "other integrations work on the Autotask database \(database)"
        case .inLine: "in line for a free slot"
        }
    }
}
