package import Contract

/// Where jobs come from: the door. In the product RabbitMQ, through an adapter in the executable.
package protocol JobSource: Sendable {
    /// Whatever has arrived of one queue since the last call, in its order; waits while there is nothing. `nil` once the source is shut down.
    func nextBatch() async -> IncomingBatch?

    /// Whether the batch is this worker's yet. Once its connection is gone the broker gives it to others, and later messages before it.
    func holds(_ batch: IncomingBatch) async -> Bool

    /// Lets the broker forget the batch. Called once its content is in the store; a batch that came over a connection that is gone is
    /// silently not acknowledged, and comes again.
    func acknowledge(_ batch: IncomingBatch)

    /// Closes the door: what was not acknowledged goes back to the broker in its order, and stays there until ``resume()``.
    func suspend()

    /// Opens the door again.
    func resume()
}

package struct IncomingBatch: Sendable {
    package var deliveries: [JobDelivery]
    /// The source's own, to know the batch again.
    package var token: any Sendable

    package init(deliveries: [JobDelivery], token: any Sendable) {
        self.deliveries = deliveries
        self.token = token
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

    /// Whether later messages may have been delivered before it (design decision 5): what comes back once keeps its place, and what comes back
    /// again goes behind what was returned with it.
    package var mayBeOvertaken: Bool { isRedelivered && returns ?? 2 > 1 }
}
