package import Contract

/// How the end of an attempt changes a job that goes on waiting.
package struct JobChange: Hashable, Sendable {
    /// Added to the counters of these names in ``QueuedJob``.
    package private(set) var attempts = 0
    package private(set) var interruptions = 0
    package private(set) var heldUp = 0
    /// ``QueuedJob/notBefore``; `nil`: it stays.
    package private(set) var notBefore: Timestamp?
    /// What the job's history gets; attempts that were held up or put back are only counted.
    package private(set) var past: PastAttempt?

    /// - Returns: `nil` where the job ends.
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

    /// Of a job whose worker is gone.
    package init(interruptionOf worker: WorkerID, at now: Timestamp) {
        attempts = -1
        interruptions = 1
        past = PastAttempt(at: now, ending: .interrupted(worker))
    }
}

extension QueuedJob {
    /// From this many interruptions on a job is a suspect, of which one runs at a time (`Decisions` 5).
    package static let suspectInterruptions = 2

    package var isSuspect: Bool { interruptions >= QueuedJob.suspectInterruptions }

    /// A job as it is accepted.
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
