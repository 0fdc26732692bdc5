package import Contract

/// A pause that holds a job.
package struct JobPause: Hashable, Sendable {
    /// The id of the ``Pause``.
    package var id: Int64
    /// Since when the job has been held without a break.
    package var since: Timestamp

    package init(id: Int64, since: Timestamp) {
        self.id = id
        self.since = since
    }
}

/// A decision that a pause holds a job.
package struct PauseHold: Sendable {
    /// The job's place.
    package var order: Int64
    package var pause: Int64
    /// The end of the pause.
    package var until: Timestamp
    /// The event that reports it; `nil` for a job that was held by this pause before, and for a scheduled check.
    package var event: Event?
    /// The content of the event.
    package var deferral: PublishedDeferral?

    package init(order: Int64, pause: Int64, until: Timestamp, event: Event?, deferral: PublishedDeferral?) {
        self.order = order
        self.pause = pause
        self.until = until
        self.event = event
        self.deferral = deferral
    }
}

extension QueuedJob {
    /// Holds the job until the pause ends.
    package mutating func hold(_ hold: PauseHold, at now: Timestamp) {
        pausedBy = JobPause(id: hold.pause, since: pausedBy?.since ?? now)
        notBefore = hold.until
        lastDeferral = hold.deferral ?? lastDeferral
    }

    /// Ends the hold, if there is one. The time for which it lasted does not count as the job's.
    package mutating func release(at now: Timestamp) {
        guard let pausedBy else { return }
        pausedFor += max(now - pausedBy.since, .zero)
        self.pausedBy = nil
        notBefore = now
    }
}
