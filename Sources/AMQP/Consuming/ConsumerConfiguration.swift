/// A queue to consume from.
package struct ConsumerSource: Sendable {
    package var queue: String
    /// Arguments of the consumer, for example `x-stream-offset` for a stream.
    package var arguments: [String: AMQPFieldValue]
    /// The bindings of a queue that exists only as long as the connection. The consumer declares it as exclusive and binds it each time.
    package var temporary: TemporaryQueue?

    package init(queue: String, arguments: [String: AMQPFieldValue] = [:], temporary: TemporaryQueue? = nil) {
        self.queue = queue
        self.arguments = arguments
        self.temporary = temporary
    }
}

/// A temporary queue's bindings.
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

/// The configuration of a ``Consumer``.
package struct ConsumerConfiguration: Sendable {
    package var sources: [ConsumerSource]
    /// The maximum number of unacknowledged deliveries of each queue, which also limits memory.
    package var prefetch = 300
    /// Whether a channel takes one message at a time until it has acknowledged a message that was not redelivered. A message that crashes
    /// its consumer each time then affects no other: the broker counts a delivery of every message that it handed over.
    package var beginsWithOne = false
    /// The maximum size of a body in bytes. Only size and SHA-256 of a larger one are delivered.
    package var maximumBodyBytes = 1 << 20
    /// How long a channel stays open after its last acknowledgements, so that they reach their queue. When a channel closes, RabbitMQ may
    /// lose acknowledgements that it has not processed.
    package var settleTime: Duration = .milliseconds(100)
    /// Whether a channel closed by the broker ends the connection with the reason, instead of being opened again. It is for commands on
    /// which a person waits.
    package var endsWhenClosed = false

    package init(sources: [ConsumerSource]) { self.sources = sources }
}
