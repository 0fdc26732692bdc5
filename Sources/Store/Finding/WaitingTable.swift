package import Contract

/// An unfinished job with what says why it waits, as a store reads it for ``WaitingTable``.
package struct WaitingRow: Hashable, Sendable {
    package var lane: Lane
    /// The job position.
    package var order: Int64
    package var acceptedAt: Timestamp
    package var notBefore: Timestamp?
    /// The code of the last deferral.
    package var code: ErrorCode?
    package var pausedBy: Int64?
    package var isSetAside: Bool
    /// Of the lane.
    package var holder: WorkerID?
    package var running: Int64?
    package var database: Int64?
    package var zone: String?

    package init(
        lane: Lane,
        order: Int64,
        acceptedAt: Timestamp,
        notBefore: Timestamp?,
        code: ErrorCode?,
        pausedBy: Int64?,
        isSetAside: Bool,
        holder: WorkerID?,
        running: Int64?,
        database: Int64?,
        apiURL: String?
    ) {
        self.lane = lane
        self.order = order
        self.acceptedAt = acceptedAt
        self.notBefore = notBefore
        self.code = code
        self.pausedBy = pausedBy
        self.isSetAside = isSetAside
        self.holder = holder
        self.running = running
        self.database = database
        zone = PausePlace(lane, database: database, apiURL: apiURL).zone
    }
}

/// What is the same for all lanes.
package struct WaitingSurroundings: Sendable {
    /// The workers whose leases last.
    package var workers: Set<WorkerID>
    /// How many lanes work on each Autotask database.
    package var occupied: [Int64: Int]
    /// The pauses in force.
    package var pauses: [Pause]
    /// The barriers in force.
    package var barriers: [CallBarrier]

    package init(workers: Set<WorkerID>, occupied: [Int64: Int], pauses: [Pause], barriers: [CallBarrier] = []) {
        self.workers = workers
        self.occupied = occupied
        self.pauses = pauses
        self.barriers = barriers
    }

    /// The barrier that holds back what waits for a cause, if a worker stored one.
    fileprivate func barrier(for cause: WaitingCause) -> CallBarrier? {
        guard case .retry(_, let database, let zone) = cause else { return nil }
        return barriers.first { barrier in
            switch barrier.part {
            case .zone: barrier.zone == zone
            case .database(let id): id == database
            case .credentials: false
            }
        }
    }

    /// Whether a database is known to be away, but not its zone.
    fileprivate func isAway(_ database: Int64, in zone: String?) -> Bool {
        let zoneBarrier = barrier(for: .retry(nil, database: nil, zone: zone))
        return zoneBarrier == nil && barriers.contains { $0.part == .database(database) && $0.cause == .outage }
    }
}

/// Why jobs wait, as far as it is the same for many.
package enum WaitingCause: Hashable, Sendable {
    case running
    /// The worker that holds their lanes is silent.
    case workerSilent
    case noWorker
    case setAside
    case paused(Pause)
    /// They are tried again later. A limit concerns an Autotask database, an outage a zone or a database, any other error the job.
    case retry(ErrorCode?, database: Int64?, zone: String?)
    /// Another job of their lane goes first.
    case behind
    case databaseFull(Int64)
    case inLine
}

/// Jobs that wait for one cause.
package struct WaitingGroup: Hashable, Sendable {
    package var cause: WaitingCause
    package var jobs = 0
    package var lanes = 0
    /// When the oldest of the jobs was accepted.
    package var oldest: Timestamp
    /// The first and the last time at which one of them is tried again.
    package var next: Timestamp?
    package var last: Timestamp?
    /// What a worker stored about the part of Autotask for which they wait.
    package var barrier: CallBarrier?
    fileprivate var lane: Lane?
}

/// The unfinished jobs of all lanes by cause, those with the most jobs first. Scheduled checks are left out.
package struct WaitingTable: Sendable {
    /// How many lanes, and how many of their jobs, one read looks at: a read of a few milliseconds, as an erasure waits for it. A lane is
    /// read as a whole, at most `LANE_BACKLOG_LIMIT` jobs.
    package static let lanes = 500
    package static let jobs = 2000

    private let surroundings: WaitingSurroundings
    private let now: Timestamp
    private var found: [WaitingCause: WaitingGroup] = [:]

    package init(_ surroundings: WaitingSurroundings, at now: Timestamp) {
        self.surroundings = surroundings
        self.now = now
    }

    package var groups: [WaitingGroup] {
        found.values.sorted { ($1.jobs, $0.oldest) < ($0.jobs, $1.oldest) }.map { group in
            var group = group
            group.barrier = surroundings.barrier(for: group.cause)
            return group
        }
    }

    /// - Parameter rows: all jobs of some lanes, by lane, each lane's in the order of acceptance.
    package mutating func take(_ rows: [WaitingRow]) {
        var (lane, hasNext) = (Lane?.none, false)
        for row in rows {
            if row.lane != lane { (lane, hasNext) = (row.lane, false) }
            let cause = cause(of: row, hasNext: &hasNext)
            var group = found[cause] ?? WaitingGroup(cause: cause, oldest: row.acceptedAt)
            group.jobs += 1
            if group.lane != row.lane { group.lanes += 1 }
            group.lane = row.lane
            group.oldest = min(group.oldest, row.acceptedAt)
            if case .retry = cause, let moment = row.notBefore {
                group.next = min(group.next ?? moment, moment)
                group.last = max(group.last ?? moment, moment)
            }
            found[cause] = group
        }
    }

    /// - Parameter hasNext: whether the lane has an earlier job that is due.
    private func cause(of row: WaitingRow, hasNext: inout Bool) -> WaitingCause {
        if row.isSetAside { return .setAside }
        if let holder = row.holder, !surroundings.workers.contains(holder) { return .workerSilent }
        if let running = row.running, running == row.order { return .running }
        if let id = row.pausedBy, let pause = surroundings.pauses.first(where: { $0.id == id }) { return .paused(pause) }
        if let moment = row.notBefore, moment > now {
            switch row.code {
            case .rateLimited?: return .retry(.rateLimited, database: row.database, zone: nil)
            case .autotaskUnavailable?, .timeout?, .network?:
                if let database = row.database, surroundings.isAway(database, in: row.zone) {
                    return .retry(row.code, database: database, zone: nil)
                }
                return .retry(row.code, database: nil, zone: row.zone)
            default: return .retry(row.code, database: nil, zone: nil)
            }
        }
        guard row.holder == nil, !hasNext else { return .behind }
        hasNext = true
        if surroundings.workers.isEmpty { return .noWorker }
        if let database = row.database, surroundings.occupied[database, default: 0] >= ClaimRequest.lanesPerDatabase {
            return .databaseFull(database)
        }
        return .inLine
    }
}
