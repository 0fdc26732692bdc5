package import Logging
import ServiceLifecycle
package import Telemetry

/// Takes messages from queues while it runs, and reconnects when needed.
///
/// The broker delivers at most the prefetch window of each queue. When a channel or the connection ends, the broker delivers unacknowledged
/// messages again, in their order. A later acknowledgement of an earlier delivery is silently dropped.
package final class Consumer: Service {
    private let loop: ConnectionLoop<ConsumerRole>
    private let inbox = DeliveryInbox()
    private let configuration: ConsumerConfiguration
    private let replyTimeout: Duration
    private let log: Logger

    /// - Throws: ``AMQPError`` when the process has no file descriptor left.
    package init(
        connection: AMQPConfiguration,
        configuration: ConsumerConfiguration,
        log: Logger,
        instruments: Instruments = .none
    ) throws(AMQPError) {
        loop = try ConnectionLoop(
            configuration: connection,
            maximumBodyBytes: configuration.maximumBodyBytes,
            drainTime: connection.replyTimeout,
            log: log,
            loop: .consumer,
            instruments: instruments
        )
        self.configuration = configuration
        replyTimeout = connection.replyTimeout
        self.log = log
    }

    /// The state of the connection.
    package var state: ConnectionState { loop.states.current }

    /// The present state and each later one.
    package var states: AsyncStream<ConnectionState> { loop.states.updates() }

    /// Consumes until the task is cancelled or the service group shuts down gracefully. It still sends the acknowledgements made by then.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.run(name: "amqp-consumer") { [configuration, inbox, replyTimeout, log] in
                ConsumerRole(configuration: configuration, inbox: inbox, replyTimeout: replyTimeout, log: log)
            }
        } onGracefulShutdown: {
            self.loop.stop()
        }
    }

    /// Returns everything that has arrived from one queue since the last call, in order. It waits while there is nothing.
    ///
    /// Only one task at a time may wait here.
    ///
    /// - Returns: at least one delivery; `nil` once the consumer has ended, or when the task is cancelled.
    package func nextBatch() async -> [Delivery]? { await inbox.next() }

    /// Acknowledges these messages. Those of a closed channel are silently skipped: the broker delivers them again.
    package func acknowledge(_ deliveries: [Delivery]) {
        _ = loop.send(.acknowledge(deliveries.map(\.tag)))
    }

    /// Acknowledges the messages with these tags.
    package func acknowledge(_ tags: [DeliveryTag]) {
        _ = loop.send(.acknowledge(tags))
    }

    /// Whether the broker still waits for this consumer to acknowledge a delivery, and has not given it to another one.
    ///
    /// The answer takes into account everything that has arrived on the socket. It takes no longer than a write to the socket.
    package func holds(_ tag: DeliveryTag) async -> Bool {
        await withCheckedContinuation { continuation in
            if !loop.send(.ask(tag, continuation)) { continuation.resume(returning: false) }
        }
    }

    /// Stops consuming until ``resume()``. Unacknowledged messages return to their queue in order, even if ``resume()`` follows
    /// immediately. So the caller can forget every delivery that it has not acknowledged.
    package func suspend() { _ = loop.send(.suspend) }

    /// Starts consuming again.
    package func resume() { _ = loop.send(.resume) }
}
