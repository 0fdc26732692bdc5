package import Logging
import ServiceLifecycle

/// Takes messages from queues, for as long as it runs, and connects again whenever it has to.
///
/// The broker hands over at most the prefetch window of each queue. What is not acknowledged when a channel or the connection ends, for
/// whatever reason, is delivered again, in its order; an acknowledgement that comes after that is silently dropped.
package final class Consumer: Service {
    private let loop: ConnectionLoop<ConsumerRole>
    private let inbox = DeliveryInbox()
    private let configuration: ConsumerConfiguration
    private let replyTimeout: Duration
    private let log: Logger

    /// - Throws: ``AMQPError`` when the process has no file descriptor left.
    package init(connection: AMQPConfiguration, configuration: ConsumerConfiguration, log: Logger) throws(AMQPError) {
        loop = try ConnectionLoop(
            configuration: connection,
            maximumBodyBytes: configuration.maximumBodyBytes,
            drainTime: connection.replyTimeout,
            log: log
        )
        self.configuration = configuration
        replyTimeout = connection.replyTimeout
        self.log = log
    }

    /// How the connection stands.
    package var state: ConnectionState { loop.states.current }

    /// The state now, and each one that follows.
    package var states: AsyncStream<ConnectionState> { loop.states.updates() }

    /// Consumes until the task is cancelled or the service group shuts down gracefully. What was acknowledged by then is told to the broker.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.run(name: "amqp-consumer") { [configuration, inbox, replyTimeout, log] in
                ConsumerRole(configuration: configuration, inbox: inbox, replyTimeout: replyTimeout, log: log)
            }
        } onGracefulShutdown: {
            self.loop.stop()
        }
    }

    /// Everything that has arrived of one queue since the last call, in its order; waits while there is nothing.
    ///
    /// One task at a time may wait here.
    ///
    /// - Returns: at least one delivery; `nil` once the consumer has ended, or when the task is cancelled.
    package func nextBatch() async -> [Delivery]? { await inbox.next() }

    /// Lets the broker forget these messages. What belongs to a channel that is gone is silently left out: it comes again.
    package func acknowledge(_ deliveries: [Delivery]) {
        _ = loop.send(.acknowledge(deliveries.map(\.tag)))
    }

    /// Lets the broker forget the messages with these tags.
    package func acknowledge(_ tags: [DeliveryTag]) {
        _ = loop.send(.acknowledge(tags))
    }

    /// Whether a delivery is this consumer's yet, as far as the broker has said by now: it waits to see it acknowledged, and gave it to nobody else.
    ///
    /// What has arrived on the socket is read before the answer, which takes no longer than a write to it.
    package func holds(_ tag: DeliveryTag) async -> Bool {
        await withCheckedContinuation { continuation in
            if !loop.send(.ask(tag, continuation)) { continuation.resume(returning: false) }
        }
    }

    /// Closes the door: what is not acknowledged goes back to its queue, in its order, and stays there until ``resume()``. Also if that
    /// follows at once: whoever suspends may forget every delivery that it has not acknowledged.
    package func suspend() { _ = loop.send(.suspend) }

    /// Opens the door again.
    package func resume() { _ = loop.send(.resume) }
}
