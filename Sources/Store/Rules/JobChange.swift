package import Contract

/// The changes that the end of an attempt makes to a job that continues.
package struct JobChange: Hashable, Sendable {
    /// Added to the counters of these names in ``QueuedJob``.
    package private(set) var attempts = 0
    package private(set) var interruptions = 0
    package private(set) var heldUp = 0
    /// The new ``QueuedJob/notBefore``; `nil` for no change.
    package private(set) var notBefore: Timestamp?
    /// The entry for the job's history. Attempts that were held up or put back are only counted.
    package private(set) var past: PastAttempt?

    /// - Returns: `nil` if the job ends.
    package init?(_ disposition: Disposition, at now: Timestamp) {
        switch disposition {
        case .finished: return nil
        case .deferred(let until, let code, counts: true):
            notBefore = until
            past = PastAttempt(at: now, ending: .deferred(because: code, until: until))
        case .deferred(let until, _, counts: false):
            notBefore = until
            attempts = -1
            heldUp = 1
        case .postponed: attempts = -1
        }
    }

    /// Makes the changes for a job whose worker is gone.
    package init(interruptionOf worker: WorkerID, at now: Timestamp) {
        attempts = -1
        interruptions = 1
        past = PastAttempt(at: now, ending: .interrupted(worker))
    }
}

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
        attempts += 1
        notBefore = nil
        deadline = request.deadline(of: self, at: now)
    }

    package mutating func apply(_ change: JobChange) {
        attempts += change.attempts
        interruptions += change.interruptions
        heldUp += change.heldUp
        notBefore = change.notBefore ?? notBefore
    }
}
