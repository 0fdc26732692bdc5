package import Logging
import ServiceLifecycle

/// Publishes messages, mandatory and with confirms, and connects again whenever it has to.
///
/// Messages handed over by one task keep their order. Many are in flight at once, and those that are handed over together are answered
/// together, so that a batch costs one wait. A failure is never repeated here: whoever published knows whether to.
package final class Publisher: Service {
    private let loop: ConnectionLoop<PublisherRole>
    private let configuration: PublisherConfiguration
    private let replyTimeout: Duration
    private let log: Logger

    /// - Throws: ``AMQPError`` when the process has no file descriptor left.
    package init(
        connection: AMQPConfiguration,
        configuration: PublisherConfiguration = PublisherConfiguration(),
        log: Logger
    ) throws(AMQPError) {
        // Messages that come back as unroutable come with their bodies, which nobody reads.
        loop = try ConnectionLoop(configuration: connection, maximumBodyBytes: 0, drainTime: configuration.drainTime, log: log)
        self.configuration = configuration
        replyTimeout = connection.replyTimeout
        self.log = log
    }

    /// How the connection stands. ``ConnectionState/blocked(reason:)``: the broker takes nothing; what is published waits.
    package var state: ConnectionState { loop.states.current }

    /// The state now, and each one that follows.
    package var states: AsyncStream<ConnectionState> { loop.states.updates() }

    /// Publishes until the task is cancelled or the service group shuts down gracefully; what was handed over by then is still sent.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.run(name: "amqp-publisher") { [configuration, replyTimeout, log] in
                PublisherRole(configuration: configuration, replyTimeout: replyTimeout, log: log)
            }
        } onGracefulShutdown: {
            self.loop.stop()
        }
    }

    /// Publishes one message, and returns when the broker has taken responsibility for it.
    ///
    /// - Throws: ``AMQPError`` `.returned` if no queue takes it, `.nacked` if the broker refuses it. `.unconfirmed`, `.timedOut` and
    ///   `.cancelled` mean that it may have arrived. What was submitted before ``run()`` waits for it.
    package func publish(_ message: OutboundMessage) async throws(AMQPError) {
        try await publish([message])[0].get()
    }

    /// Publishes messages in their order, and returns when the broker has answered for each, or the time is up.
    ///
    /// - Returns: what became of each; see ``publish(_:)-(OutboundMessage)``.
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

    /// Hands messages over without waiting.
    ///
    /// - Parameter completion: told what became of each, once, when all are answered. It may be called on the connection's thread, also before this returns,
    ///   and must return quickly.
    package func submit(_ messages: [OutboundMessage], completion: @escaping @Sendable ([PublishResult]) -> Void) {
        let group = PublishGroup(messages, deadline: .now + configuration.timeout)
        group.onCompletion(completion)
        submit(group)
    }

    private func submit(_ group: PublishGroup) {
        if !loop.send(group) { group.settleRest(AMQPError(.shutDown, "The publisher has ended.")) }
    }
}
