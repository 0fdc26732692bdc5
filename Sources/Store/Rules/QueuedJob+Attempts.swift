package import Contract

/// The changes that attempts make to a job.
extension QueuedJob {
    /// A job with this many interruptions is a suspect. Only one suspect runs at a time (`Decisions` 5).
    package static let suspectInterruptions = 2

    package var isSuspect: Bool { interruptions >= QueuedJob.suspectInterruptions }

    /// Creates a queued job from an accepted one.
    package init(_ job: AcceptableJob, order: Int64, at now: Timestamp) {
        self.init(
            order: order,
            id: job.key.id,
            kind: job.kind,
            planID: job.planID,
            revision: job.revision,
            acceptedAt: now,
            expiry: job.expiry,
            traceparent: job.traceparent,
            publisher: job.publisher,
            redriveOf: job.redriveOf
        )
    }

    /// Begins an attempt, and counts it.
    package mutating func begin(under request: ClaimRequest, at now: Timestamp) {
        release(at: now)
        attempts += 1
        notBefore = nil
        deadline = request.deadline(of: self, at: now)
    }

    /// Counts an attempt that has ended.
    package mutating func apply(_ attempt: Attempt) {
        let counted = attempt.counted
        attempts += counted.attempts
        interruptions += counted.interruptions
        heldUp += counted.heldUp
        apiCalls += attempt.apiCalls
        notBefore = attempt.notBefore ?? notBefore
    }
}
