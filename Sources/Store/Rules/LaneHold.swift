package import Contract

/// The holder of a lane, and when a free lane is due.
///
/// Every store keeps one for each lane and changes it in the same way. A store reads it, assigns places in line, and writes it.
package struct LaneHold: Hashable, Sendable {
    /// Rises with every claim.
    package private(set) var fence: Int64
    package private(set) var worker: WorkerID?
    /// The place of the running job.
    package private(set) var running: Int64?
    /// See ``LaneRank``. The lowest of the unfinished jobs' ranks.
    package private(set) var rank: Int64
    /// The place in line; `nil` unless the lane is free and has work now.
    package private(set) var turn: Int64?
    /// When a free lane that is not in line will have work.
    package private(set) var wakeAt: Timestamp?
    /// The Autotask database that the lane is connected to.
    package var database: Int64?
    /// The database at which a connect found no place: the lane waits for one.
    package private(set) var wanted: Int64?
    /// The database at which the lane has a place while it is held.
    package private(set) var occupied: Int64?

    /// Creates a hold from its stored values.
    package init(
        fence: Int64 = 0,
        worker: WorkerID? = nil,
        running: Int64? = nil,
        rank: Int64 = LaneRank.asked,
        turn: Int64? = nil,
        wakeAt: Timestamp? = nil,
        database: Int64? = nil,
        wanted: Int64? = nil,
        occupied: Int64? = nil
    ) {
        self.fence = fence
        self.worker = worker
        self.running = running
        self.rank = rank
        self.turn = turn
        self.wakeAt = wakeAt
        self.database = database
        self.wanted = wanted
        self.occupied = occupied
    }

    package var isFree: Bool { worker == nil }

    /// Whether the lane is free and has no work, now or later.
    package var isIdle: Bool { isFree && turn == nil && wakeAt == nil }

    /// The place in line of a lane that is in line.
    package var place: LineTurn { LineTurn(rank: rank, turn: turn ?? 0) }

    /// The database at which the lane needs a place to be claimed.
    package var neededDatabase: Int64? { wanted ?? database }

    /// Whether the claim holds the lane. Every transaction under a claim checks this first, or throws ``StoreError/Code/fenced``.
    package func isHeld(under claim: ClaimToken) -> Bool { fence == claim.fence && worker == claim.worker && running == claim.order }

    // MARK: Held

    /// Takes the lane for a job.
    ///
    /// - Parameter hasPlace: whether there is a place at the database that the lane needs. Without one, it may only conclude a job.
    package mutating func lease(to worker: WorkerID, running order: Int64, hasPlace: Bool) {
        fence += 1
        self.worker = worker
        running = order
        turn = nil
        wakeAt = nil
        occupied = hasPlace ? neededDatabase : nil
    }

    /// Moves the lane to another database while it is held. If there is no place, it waits for one once it is given back.
    package mutating func occupy(_ database: Int64, hasPlace: Bool) {
        if hasPlace { occupied = database } else { wanted = database }
    }

    /// Gives the lane back. ``schedule(_:rank:turn:)`` decides when it is due next.
    ///
    /// - Parameter isPostponed: whether its job found no place at another database. Then it is claimed again when there is one.
    package mutating func release(isPostponed: Bool = false) {
        worker = nil
        running = nil
        occupied = nil
        if !isPostponed { wanted = nil }
    }

    // MARK: In line

    /// Puts a free lane that got a job in line. A held lane joins the line when it is given back.
    ///
    /// - Parameters:
    ///   - rank: the rank of the job.
    ///   - turn: returns the next place in line.
    package mutating func takeIn(rank: Int64, turn next: () throws -> Int64) rethrows {
        guard isFree else { return }
        let isIdle = isIdle
        self.rank = isIdle ? rank : min(self.rank, rank)
        wakeAt = nil
        if turn == nil { turn = try next() }
    }

    /// Puts a free lane in line if one of its jobs is due, or sets when the first of them is due.
    ///
    /// - Parameters:
    ///   - rank: the lowest rank of its unfinished jobs.
    ///   - turn: returns the next place in line.
    package mutating func schedule(_ due: LaneDue, rank: Int64, turn next: () throws -> Int64) rethrows {
        switch due {
        case .never: stay(rank: rank, until: nil)
        case .later(let moment): stay(rank: rank, until: moment)
        case .now: lineUp(rank: rank, turn: try next())
        }
    }

    /// Removes the lane from the line.
    ///
    /// - Parameter moment: when it returns; `nil` for the next job.
    package mutating func stay(rank: Int64, until moment: Timestamp?) {
        self.rank = rank
        turn = nil
        wakeAt = moment
    }

    /// Puts the lane at the end of the line.
    ///
    /// - Parameter rank: `nil` if its jobs are the same.
    package mutating func lineUp(rank: Int64? = nil, turn: Int64) {
        self.rank = rank ?? self.rank
        self.turn = turn
        wakeAt = nil
    }
}

/// When the first of a lane's unfinished jobs may run.
package enum LaneDue: Hashable, Sendable {
    /// There is no unfinished job.
    case never
    case now
    case later(Timestamp)

    /// - Parameters:
    ///   - earliest: the earliest time for which a job waits; `.some(nil)` if a job waits for none, and `nil` if there is no job.
    ///   - expiry: returns when the first job expires that has not begun: it ends then. It is called only if needed.
    package init(earliest: Timestamp??, at now: Timestamp, expiry: () throws -> Timestamp?) rethrows {
        switch earliest {
        case nil: self = .never
        case .some(let moment?) where moment > now:
            let next = min(moment, try expiry() ?? moment)
            self = next > now ? .later(next) : .now
        case .some: self = .now
        }
    }
}
