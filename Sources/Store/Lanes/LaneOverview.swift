package import Contract

/// A line of `tenant list`.
package struct LaneOverview: Sendable {
    package var lane: Lane
    package var epoch: Int64
    /// `nil` while not configured.
    package var connection: ConnectionRecord.Status?
    package var isEnabled: Bool
    /// Unfinished jobs, without scheduled checks.
    package var waitingJobs: Int
    package var services: Int
    package var syncedServices: Int
    /// The code of the failure after which a job of the lane waits to be retried or is in its next attempt, or `held` if a pause holds it;
    /// `nil` if there is no such job, or the code is unknown.
    package var heldUpBy: String?
    /// The error's code of the job that was accepted last among those that have ended; `nil` if it ended without an error.
    package var lastCode: String?

    package init(
        lane: Lane,
        epoch: Int64,
        connection: ConnectionRecord.Status?,
        isEnabled: Bool,
        waitingJobs: Int,
        services: Int,
        syncedServices: Int,
        heldUpBy: String? = nil,
        lastCode: String? = nil
    ) {
        self.lane = lane
        self.epoch = epoch
        self.connection = connection
        self.isEnabled = isEnabled
        self.waitingJobs = waitingJobs
        self.services = services
        self.syncedServices = syncedServices
        self.heldUpBy = heldUpBy
        self.lastCode = lastCode
    }
}

/// The contents of `tenant show`.
package struct LaneDetail: Sendable {
    /// A finished job.
    package struct Finished: Sendable {
        package var id: JobID
        package var kind: JobKind?
        package var acceptedAt: Timestamp
        package var finishedAt: Timestamp
        package var event: EventType
        /// The code of the event's error.
        package var code: String?
        /// Calls to Autotask in all attempts.
        package var apiCalls: Int

        package init(
            id: JobID,
            kind: JobKind?,
            acceptedAt: Timestamp,
            finishedAt: Timestamp,
            event: EventType,
            code: String?,
            apiCalls: Int
        ) {
            self.id = id
            self.kind = kind
            self.acceptedAt = acceptedAt
            self.finishedAt = finishedAt
            self.event = event
            self.code = code
            self.apiCalls = apiCalls
        }
    }

    package var lane: Lane
    package var state: LaneState
    package var unfinished: [QueuedJob]
    /// The 20 that were accepted last, the newest first.
    package var finished: [Finished]

    package init(lane: Lane, state: LaneState, unfinished: [QueuedJob], finished: [Finished]) {
        self.lane = lane
        self.state = state
        self.unfinished = unfinished
        self.finished = finished
    }
}
