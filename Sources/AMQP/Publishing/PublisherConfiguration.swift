/// How a ``Publisher`` publishes.
package struct PublisherConfiguration: Sendable {
    /// How many messages may be in flight, unanswered.
    package var window = 2000
    /// How many messages may wait besides; more are refused at once (``AMQPError/Code/overloaded``).
    package var maximumWaiting = 20_000
    /// How long a message may take, from being handed over to being answered: connecting and a blocked broker included.
    package var timeout: Duration = .seconds(30)
    /// How long what was handed over before the end may still take.
    package var drainTime: Duration = .seconds(5)
    /// Queues that have to be there before anything is published over a new connection; until then it counts as not connected.
    ///
    /// For streams that messages are routed to: for a moment after it has started, RabbitMQ 3.10 confirms what it routes to a stream that has
    /// no leader yet, and stores it nowhere. It says of such a stream that it is not found.
    package var awaitedQueues: [String] = []

    package init() {}
}
