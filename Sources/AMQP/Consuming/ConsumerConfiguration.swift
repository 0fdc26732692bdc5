/// A queue to consume from.
package struct ConsumerSource: Sendable {
    package var queue: String
    /// For example `x-stream-offset` for a stream.
    package var arguments: [String: AMQPFieldValue]
    /// Set for a queue that exists only as long as the connection: it is declared, exclusive, and bound, each time.
    package var temporary: TemporaryQueue?

    package init(queue: String, arguments: [String: AMQPFieldValue] = [:], temporary: TemporaryQueue? = nil) {
        self.queue = queue
        self.arguments = arguments
        self.temporary = temporary
    }
}

/// What a temporary queue is bound to.
package struct TemporaryQueue: Sendable {
    package struct Binding: Sendable {
        package var exchange: String
        package var routingKey: String

        package init(exchange: String, routingKey: String) {
            self.exchange = exchange
            self.routingKey = routingKey
        }
    }

    package var bindings: [Binding]

    package init(bindings: [Binding]) { self.bindings = bindings }
}

/// How a ``Consumer`` consumes.
package struct ConsumerConfiguration: Sendable {
    package var sources: [ConsumerSource]
    /// How many deliveries of each queue may be unacknowledged: more are not handed over, nor held in memory.
    package var prefetch = 300
    /// Whether a channel takes one message at a time until one that is not redelivered is acknowledged. A message that ends
    /// its consumer each time then affects no other: the broker counts a delivery of every message that it handed over.
    package var beginsWithOne = false
    /// Up to how many bytes a body is kept. Of a larger one only size and SHA-256 are delivered.
    package var maximumBodyBytes = 1 << 20
    /// How long a channel stays open after it has nothing more to say, so that its last acknowledgements reach their queue: RabbitMQ may
    /// forget acknowledgements that are on their way inside it when their channel is closed.
    package var settleTime: Duration = .milliseconds(100)
    /// Whether a channel that the broker closes ends the connection with the reason, instead of being opened again: for a person who waits.
    package var endsWhenClosed = false

    package init(sources: [ConsumerSource]) { self.sources = sources }
}
