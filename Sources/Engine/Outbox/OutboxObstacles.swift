package import Contract

/// The obstacles that keep events from being published, for `/readyz` and through it for `doctor`.
package struct OutboxObstacles: Hashable, Sendable {
    /// A lane whose events wait because the broker refuses the first of them.
    package struct HeldLane: Hashable, Sendable {
        package var lane: Lane
        package var since: Timestamp
        package var eventID: String
        package var eventType: EventType
        /// The broker's reason for closing the channel over it; `nil` where a queue refuses it.
        package var closingReason: String?
    }

    /// The lanes that are held back, the longest first.
    package var held: [HeldLane]
    /// Why the broker takes no event at all, if it gave a reason.
    package var trouble: String?
}
