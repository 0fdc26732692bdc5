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
    package let deliveries: [JobDelivery]
    /// Lets the broker forget the batch. Called once its content is in the store; a batch that came over a connection that is gone is not
    /// acknowledged, and comes again.
    package let acknowledge: @Sendable () -> Void
    /// Whether this worker still holds the batch. Once its connection is gone, the broker gives it to others, perhaps behind later messages.
    package let isHeld: @Sendable () async -> Bool

    package init(
        deliveries: [JobDelivery],
        acknowledge: @escaping @Sendable () -> Void,
        isHeld: @escaping @Sendable () async -> Bool
    ) {
        self.deliveries = deliveries
        self.acknowledge = acknowledge
        self.isHeld = isHeld
    }
}

package struct JobDelivery: Sendable {
    package var message: JobMessage
    package var queue: String
    /// Whether it was delivered before, to this worker or another, and not acknowledged.
    package var isRedelivered: Bool
    /// How often it came back to its queue, if the broker counts that.
    package var returns: Int64?

    package init(message: JobMessage, queue: String, isRedelivered: Bool, returns: Int64? = nil) {
        self.message = message
        self.queue = queue
        self.isRedelivered = isRedelivered
        self.returns = returns
    }

    /// Whether later messages may have been delivered before it (`Decisions` 18): what comes back once keeps its place, and what comes back
    /// again goes behind what was returned with it.
    package var mayBeOvertaken: Bool { isRedelivered && returns ?? 2 > 1 }
}
