package import Contract

/// One attempt at a job. Counters, the audit log, the log, `sync show` and dead letters take what they report of its end from here.
package struct Attempt: Hashable, Sendable {
    package enum Ending: Hashable, Sendable {
        /// The job ended, with this failure if it failed.
        case finished(JobError?)
        /// The job ended and is dead-lettered.
        case givenUp(GivenUp)
        /// The job is tried again, not before this moment. The attempt `counts`, unless the reason is outside the job.
        case deferred(until: Timestamp, because: JobError? = nil, counts: Bool = true)
        /// The job was put back as if it had not been begun: the attempt does not count.
        case postponed
        /// The worker died, or had to stop before the attempt ended. What it called is not known.
        case interrupted(WorkerID)
    }

    /// At most this many attempts that did not end their job are shown, the first ones.
    package static let limit = 100

    /// `nil` for an interrupted attempt and for an ``outline``.
    package var began: Timestamp?
    package var ended: Timestamp
    package var ending: Ending
    /// In their order; the first ones if they are many.
    package var calls: [CallRecord]
    /// The number of all calls that count among the job's.
    package var apiCalls: Int
    /// What it read of the tenant's database. The audit log keeps it, the job's row does not.
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

    /// When the job is tried again; `nil` where the attempt does not say.
    package var notBefore: Timestamp? {
        guard case .deferred(let until, _, _) = ending else { return nil }
        return until
    }

    /// What it adds to the counters of these names in ``QueuedJob``. The claim has counted the attempt when it began.
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
    /// What a job's row keeps: without ``read``, and of a failure its code.
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

    /// What a dead letter lists, and what a job's row keeps where there is no history of the attempt: how it ended. `nil` for an attempt that
    /// ended its job or did not count.
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

    /// Whether `sync show` lists it: an outline is there for dead letters alone.
    package var isShown: Bool {
        if case .interrupted = ending { return true }
        return began != nil
    }
}
