/// The configuration of a ``Publisher``.
package struct PublisherConfiguration: Sendable {
    /// The maximum number of messages in flight, that is, sent and not answered.
    package var window = 2000
    /// The maximum number of further messages that wait; more are refused immediately (``AMQPError/Code/overloaded``).
    package var maximumWaiting = 20_000
    /// The time limit for a message from submission to answer, including the time to connect and of a blocked broker.
    package var timeout: Duration = .seconds(30)
    /// The time limit after the end for messages that were submitted before it.
    package var drainTime: Duration = .seconds(5)
    /// Queues that must exist before anything is published over a new connection; until then it counts as not connected.
    ///
    /// They are streams to which messages are routed. For a moment after its start, RabbitMQ 3.10 confirms messages for a stream that has
    /// no leader yet, and loses them. It reports such a stream as not found.
    package var awaitedQueues: [String] = []

    package init() {}
}
