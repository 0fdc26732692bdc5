package import Contract

/// Where jobs come from: the door. In the product RabbitMQ, through an adapter in the executable.
package protocol JobSource: Sendable {
    /// Whatever has arrived of one queue since the last call, in its order; waits while there is nothing. `nil` once the source is shut down.
    func nextBatch() async -> IncomingBatch?

    /// Closes the door: what was not acknowledged goes back to the broker in its order, and stays there until ``resume()``.
    func suspend()

    /// Opens the door again.
    func resume()
}

package struct IncomingBatch: Sendable {
    package let deliveries: [JobMessage]
    /// Lets the broker forget the batch. Called once its content is in the store; a batch that came over a connection that is gone is not
    /// acknowledged, and comes again.
    package let acknowledge: @Sendable () -> Void
    /// Whether this worker still holds the batch. Once its connection is gone, the broker gives it to others, perhaps behind later messages.
    package let isHeld: @Sendable () async -> Bool

    package init(
        deliveries: [JobMessage],
        acknowledge: @escaping @Sendable () -> Void,
        isHeld: @escaping @Sendable () async -> Bool
    ) {
        self.deliveries = deliveries
        self.acknowledge = acknowledge
        self.isHeld = isHeld
    }
}
