package import Contract

package struct ClaimRequest: Sendable {
    /// How many lanes of one Autotask database are worked on at once (`Decisions` 8): Autotask allows three calls at a time for an
    /// entity, and other integrations want some of them.
    package static let lanesPerDatabase = 2

    package var worker: WorkerID
    /// How many lanes at most.
    package var limit: Int
    /// How many lanes of one Autotask database may be held at once, over all workers (`Decisions` 8).
    package var maximumLanesPerDatabase: Int
    /// How long after the beginning of its first attempt a job ends for which a person waits (``QueuedJob/deadline``).
    package var interactiveTime: Duration

    package init(
        worker: WorkerID,
        limit: Int,
        maximumLanesPerDatabase: Int = ClaimRequest.lanesPerDatabase,
        interactiveTime: Duration = .seconds(60)
    ) {
        self.worker = worker
        self.limit = limit
        self.maximumLanesPerDatabase = maximumLanesPerDatabase
        self.interactiveTime = interactiveTime
    }

    /// When the job has to end whose attempt begins now; `nil` if it need not.
    package func deadline(of job: QueuedJob, at now: Timestamp) -> Timestamp? {
        guard job.kind.isInteractive, !job.isScheduled else { return nil }
        return job.deadline ?? now + interactiveTime
    }
}

package struct ClaimResult: Sendable {
    package var claims: [LaneClaim]
    /// From settlements.
    package var events: [OutboxEntry]
    /// When a lane that is free now will have something to do next; `nil` when none will by itself.
    package var nextWake: Timestamp?
    /// Whether a free lane has work now that this call left for the next one, because a call is bounded.
    package var hasMore: Bool

    package init(claims: [LaneClaim], events: [OutboxEntry], nextWake: Timestamp?, hasMore: Bool = false) {
        self.claims = claims
        self.events = events
        self.nextWake = nextWake
        self.hasMore = hasMore
    }
}

/// Proof of holding a lane. Everything that is done under it is refused once the lane's fence is another.
package struct ClaimToken: Hashable, Sendable {
    package var lane: Lane
    package var worker: WorkerID
    /// Rises with every claim of the lane.
    package var fence: Int64
    /// The job that runs.
    package var order: Int64

    package init(lane: Lane, worker: WorkerID, fence: Int64, order: Int64) {
        self.lane = lane
        self.worker = worker
        self.fence = fence
        self.order = order
    }
}

/// A lane that this worker holds, with the job to run and all that its handler needs to know.
package struct LaneClaim: Sendable {
    package var token: ClaimToken
    /// The attempt that begins is counted already.
    package var job: QueuedJob
    package var sealedPayload: [UInt8]
    package var mode: RunMode
    package var state: LaneState

    package init(token: ClaimToken, job: QueuedJob, sealedPayload: [UInt8], mode: RunMode, state: LaneState) {
        self.token = token
        self.job = job
        self.sealedPayload = sealedPayload
        self.mode = mode
        self.state = state
    }
}

/// How a job is to be run.
package enum RunMode: Hashable, Sendable {
    case work
    /// It has written, and must not go on: it ends with what it has done so far, for this reason. No call is made.
    case conclude(JobError)
}
