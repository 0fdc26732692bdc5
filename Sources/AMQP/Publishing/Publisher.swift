package import Logging
import ServiceLifecycle
package import Telemetry

/// Publishes messages as mandatory and with confirms, and reconnects when needed.
///
/// Messages from one task keep their order. Many are in flight at once, and messages submitted together are answered together, so that a
/// batch costs one wait. The publisher never repeats a failed message: its caller decides.
package final class Publisher: Service {
    private let loop: ConnectionLoop<PublisherRole>
    private let configuration: PublisherConfiguration
    private let replyTimeout: Duration
    private let log: Logger

    /// - Throws: ``AMQPError`` when the process has no file descriptor left.
    package init(
        connection: AMQPConfiguration,
        configuration: PublisherConfiguration = PublisherConfiguration(),
        log: Logger,
        instruments: Instruments = .none
    ) throws(AMQPError) {
        // The broker returns unroutable messages with their bodies, which are not needed.
        loop = try ConnectionLoop(
            configuration: connection,
            maximumBodyBytes: 0,
            drainTime: configuration.drainTime,
            log: log,
            loop: .publisher,
            instruments: instruments
        )
        self.configuration = configuration
        replyTimeout = connection.replyTimeout
        self.log = log
    }

    /// The state of the connection. While it is ``ConnectionState/blocked(reason:)``, the broker accepts nothing, and messages wait.
    package var state: ConnectionState { loop.states.current }

    /// The present state and each later one.
    package var states: AsyncStream<ConnectionState> { loop.states.updates() }

    /// Publishes until the task is cancelled or the service group shuts down gracefully. It still sends messages submitted by then.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.run(name: "amqp-publisher") { [configuration, replyTimeout, log] in
                PublisherRole(configuration: configuration, replyTimeout: replyTimeout, log: log)
            }
        } onGracefulShutdown: {
            self.loop.stop()
        }
    }

    /// Publishes one message, and returns when the broker has confirmed it.
    ///
    /// - Throws: ``AMQPError`` `.returned` if no queue takes it, `.nacked` if the broker refuses it. `.unconfirmed`, `.timedOut` and
    ///   `.cancelled` mean that it may have arrived. A message submitted before ``run()`` waits for it.
    package func publish(_ message: OutboundMessage) async throws(AMQPError) {
        try await publish([message])[0].get()
    }

    /// Publishes messages in their order, and returns when the broker has answered for each, or the time limit is reached.
    ///
    /// - Returns: the result of each message; see ``publish(_:)-(OutboundMessage)``.
    package func publish(_ messages: [OutboundMessage]) async -> [PublishResult] {
        guard !messages.isEmpty else { return [] }
        let group = PublishGroup(messages, deadline: .now + configuration.timeout)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                group.onCompletion { continuation.resume(returning: $0) }
                submit(group)
            }
        } onCancel: {
            group.settleRest(AMQPError(.cancelled, "The task that published was cancelled."))
        }
    }

    /// Submits messages without waiting.
    ///
    /// - Parameter completion: called once with all results, when all messages are answered. It may be called on the connection's thread,
    ///   even before this returns, and must return quickly.
    package func submit(_ messages: [OutboundMessage], completion: @escaping @Sendable ([PublishResult]) -> Void) {
        let group = PublishGroup(messages, deadline: .now + configuration.timeout)
        group.onCompletion(completion)
        submit(group)
    }

    private func submit(_ group: PublishGroup) {
        if !loop.send(group) { group.settleRest(AMQPError(.shutDown, "The publisher has ended.")) }
    }
}
