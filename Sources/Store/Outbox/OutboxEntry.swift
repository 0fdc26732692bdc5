package import Contract

/// An event that the broker has not confirmed yet.
package struct OutboxEntry: Hashable, Sendable {
    /// Rises with every event of the store; within a lane it is the order of publication.
    package var position: Int64
    package var event: OrderedEvent
    /// Whether it and later events of its lane must not be published yet. Either the data that its reset erased is still in the files, or
    /// the lane is set aside (``SetAside``). When it is released, the observer of events gets it again.
    package var isHeld: Bool

    package init(position: Int64, event: OrderedEvent, isHeld: Bool = false) {
        self.position = position
        self.event = event
        self.isHeld = isHeld
    }
}
