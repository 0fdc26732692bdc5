package import Contract

/// An event that the broker has not confirmed yet.
package struct OutboxEntry: Hashable, Sendable {
    /// Rises with every event of the store; within a lane it is the order of publication.
    package var position: Int64
    package var event: OrderedEvent

    package init(position: Int64, event: OrderedEvent) {
        self.position = position
        self.event = event
    }
}
