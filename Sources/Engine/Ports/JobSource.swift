package import Contract

/// The source of jobs. In the product it is RabbitMQ's job queues, through an adapter in the executable.
package protocol JobSource: Sendable {
    /// The messages of one queue that have arrived since the last call, in order. It waits while there are none, and returns `nil` once the
    /// source is shut down.
    func nextBatch() async -> IncomingBatch?

    /// Stops deliveries: unacknowledged messages go back to the broker in their order, and stay there until ``resume()``.
    func suspend()

    /// Starts deliveries again.
    func resume()
}

package struct IncomingBatch: Sendable {
    package let deliveries: [JobMessage]
    /// Acknowledges the batch once its content is in the store. A batch from a connection that is gone is not acknowledged, and is
    /// delivered again.
    package let acknowledge: @Sendable () -> Void
    /// Whether this worker still holds the batch. Once its connection is gone, the broker delivers it to others, perhaps after later
    /// messages.
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
