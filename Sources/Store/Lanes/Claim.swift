package import Contract

package struct ClaimRequest: Sendable {
    /// How many lanes of one Autotask database may work at once (`Decisions` 8). Autotask allows three concurrent calls for an
    /// entity, and other integrations need some of them.
    package static let lanesPerDatabase = 2

    package var worker: WorkerID
    /// The maximum number of lanes to claim. With 0 the call lets pauses act in the line, and claims lanes only to conclude jobs.
    package var limit: Int
    /// Behind which place in line a call with the limit 0 goes on; `nil` for the head of the line.
    package var after: LineTurn?
    /// How many lanes of one Autotask database may be held at once, over all workers (`Decisions` 8).
    package var maximumLanesPerDatabase: Int
    /// The time from the first attempt of a job for which a person waits to its deadline (``QueuedJob/deadline``).
    package var interactiveTime: Duration

    package init(
        worker: WorkerID,
        limit: Int,
        after: LineTurn? = nil,
        maximumLanesPerDatabase: Int = ClaimRequest.lanesPerDatabase,
        interactiveTime: Duration = .seconds(60)
    ) {
        self.worker = worker
        self.limit = limit
        self.after = after
        self.maximumLanesPerDatabase = maximumLanesPerDatabase
        self.interactiveTime = interactiveTime
    }

    /// The deadline of a job whose attempt begins now; `nil` if it has none.
    package func deadline(of job: QueuedJob, at now: Timestamp) -> Timestamp? {
        guard job.kind.isInteractive, !job.isScheduled else { return nil }
        return job.deadline ?? now + interactiveTime
    }
}

/// A place in the line of lanes with work.
package struct LineTurn: Hashable, Sendable, Comparable {
    /// Before all places.
    package static let head = LineTurn(rank: -1, turn: 0)

    package var rank: Int64
    package var turn: Int64

    package init(rank: Int64, turn: Int64) {
        self.rank = rank
        self.turn = turn
    }

    package static func < (one: LineTurn, other: LineTurn) -> Bool { (one.rank, one.turn) < (other.rank, other.turn) }
}

package struct ClaimResult: Sendable {
    package var claims: [LaneClaim]
    /// The events of settlements.
    package var events: [OutboxEntry]
    /// When a free lane will next have work; `nil` if none will without a new job.
    package var nextWake: Timestamp?
    /// How many pauses are in force.
    package var pauses = 0
    /// Whether this call, which is bounded, left work of free lanes to the next call.
    package var hasMore: Bool
    /// The last place in line that a call with the limit 0 looked at; `nil` if it looked at all.
    package var last: LineTurn?

    package init(claims: [LaneClaim], events: [OutboxEntry], nextWake: Timestamp?, hasMore: Bool = false) {
        self.claims = claims
        self.events = events
        self.nextWake = nextWake
        self.hasMore = hasMore
    }
}

/// Proof of holding a lane. The store refuses work under it once the lane has another fencing number.
package struct ClaimToken: Hashable, Sendable {
    package var lane: Lane
    package var worker: WorkerID
    /// The fencing number: it rises with every claim of the lane.
    package var fence: Int64
    /// The place of the running job.
    package var order: Int64

    package init(lane: Lane, worker: WorkerID, fence: Int64, order: Int64) {
        self.lane = lane
        self.worker = worker
        self.fence = fence
        self.order = order
    }
}

/// A lane that this worker holds, with the job to run and the data that its handler needs. A class, since tasks hand it on several times.
package final class LaneClaim: Sendable {
    package let token: ClaimToken
    /// The attempt that begins is already counted.
    package let job: QueuedJob
    package let sealedPayload: [UInt8]
    package let mode: RunMode
    package let state: LaneState
    /// Since when the job might have run: its acceptance, or the time of this attempt.
    package let dueSince: Timestamp

    package init(
        token: ClaimToken,
        job: QueuedJob,
        dueSince: Timestamp? = nil,
        sealedPayload: [UInt8],
        mode: RunMode,
        state: LaneState
    ) {
        self.dueSince = dueSince ?? job.acceptedAt
        self.token = token
        self.job = job
        self.sealedPayload = sealedPayload
        self.mode = mode
        self.state = state
    }
}

/// How to run a job.
package enum RunMode: Hashable, Sendable {
    case work
    /// The job has written and must stop. It ends with its results so far, for this reason, and makes no call.
    case conclude(JobError)
}
