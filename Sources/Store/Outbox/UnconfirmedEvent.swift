package import Contract

/// An event in the outbox, which waits for the broker.
package struct UnconfirmedEvent: Hashable, Sendable {
    /// When it was stored.
    package var since: Timestamp
    /// Whether it first waits until the data that its reset erased has left the log (``OutboxEntry/isHeld``).
    package var awaitsErasure: Bool

    package init(since: Timestamp, awaitsErasure: Bool) {
        self.since = since
        self.awaitsErasure = awaitsErasure
    }
}
