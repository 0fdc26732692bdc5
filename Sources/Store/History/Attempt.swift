package import Contract

/// One attempt at a job. The counters, the audit log, the log, `sync show` and dead letters report its end from this value.
package struct Attempt: Hashable, Sendable {
    package enum Ending: Hashable, Sendable {
        /// The job ended, with this error if it failed.
        case finished(JobError?)
        /// The job ended and is dead-lettered.
        case givenUp(GivenUp)
        /// The job runs again, but not before this time. The attempt `counts`, unless the reason lies outside the job.
        case deferred(until: Timestamp, because: JobError? = nil, counts: Bool = true)
        /// The job was put back as if it had not begun: the attempt does not count.
        case postponed
        /// The worker died, or stopped before the attempt ended. Its calls are not known.
        case interrupted(WorkerID)
    }

    /// The maximum number of recorded attempts that did not end the job: the first ones.
    package static let limit = 100

    /// `nil` for an interrupted attempt and for an ``outline``.
    package var began: Timestamp?
    package var ended: Timestamp
    package var ending: Ending
    /// In order; the first ones if there are many.
    package var calls: [CallRecord]
    /// The number of all calls that count among the job's.
    package var apiCalls: Int
    /// What it read from the tenant's database: kept in the audit log, not in the job's row.
    package var read: JSON?
    /// Whether Autotask confirmed a write.
    package var wrote: Bool

    package init(
        began: Timestamp? = nil,
        ended: Timestamp,
        _ ending: Ending,
        calls: [CallRecord] = [],
        apiCalls: Int = 0,
        read: JSON? = nil,
        wrote: Bool = false
    ) {
        self.began = began
        self.ended = ended
        self.ending = ending
        self.calls = calls
        self.apiCalls = apiCalls
        self.read = read
        self.wrote = wrote
    }

    /// Why it did not succeed.
    package var failure: JobError? {
        switch ending {
        case .finished(let error), .deferred(_, let error, _): error
        case .givenUp(let givenUp): givenUp.error
        case .postponed, .interrupted: nil
        }
    }

    /// Why the job is dead-lettered; `nil` if it is not.
    package var givenUp: GivenUp? {
        guard case .givenUp(let givenUp) = ending else { return nil }
        return givenUp
    }

    package var endsJob: Bool {
        switch ending {
        case .finished, .givenUp: true
        case .deferred, .postponed, .interrupted: false
        }
    }

    /// The new ``QueuedJob/notBefore``; `nil` for no change.
    package var notBefore: Timestamp? {
        switch ending {
        case .deferred(let until, _, _): until
        case .finished, .givenUp, .postponed, .interrupted: nil
        }
    }

    /// Added to the counters of these names in ``QueuedJob``. The claim has counted the attempt when it began.
    package var counted: (attempts: Int, interruptions: Int, heldUp: Int) {
        switch ending {
        case .finished, .givenUp, .deferred(_, _, counts: true): (0, 0, 0)
        case .deferred(_, _, counts: false): (-1, 0, 1)
        case .postponed: (-1, 0, 0)
        case .interrupted: (-1, 1, 0)
        }
    }
}

// MARK: - What is kept with the job

extension Attempt {
    /// The form that a job's row keeps: without ``read``, and with only the code of a failure.
    package var kept: Attempt {
        var kept = self
        kept.read = nil
        switch ending {
        case .finished(let error): kept.ending = .finished(error.map { JobError($0.code) })
        case .givenUp(let givenUp): kept.ending = .givenUp(GivenUp(givenUp.reason, JobError(givenUp.error.code)))
        case .deferred(let until, let error, let counts):
            kept.ending = .deferred(until: until, because: error.map { JobError($0.code) }, counts: counts)
        case .postponed, .interrupted: break
        }
        return kept
    }

    /// The short form that a dead letter lists, and that a job's row keeps if it has no history of the attempt: without beginning and calls.
    /// `nil` for an attempt that ended its job, was held up or was put back.
    package var outline: Attempt? {
        switch ending {
        case .deferred(_, _, counts: true), .interrupted: break
        case .finished, .givenUp, .deferred(_, _, counts: false), .postponed: return nil
        }
        var outline = kept
        outline.began = nil
        outline.calls = []
        return outline
    }

    /// Whether `sync show` lists it. An outline is kept for dead letters only.
    package var isShown: Bool {
        if case .interrupted = ending { return true }
        return began != nil
    }
}
