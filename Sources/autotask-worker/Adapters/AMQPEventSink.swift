import AMQP
import Contract
import Engine
import FoundationEssentials
import Metrics
import Telemetry

/// The results exchange as the engine's event sink.
struct AMQPEventSink: EventSink {
    let publisher: Publisher
    let exchange: String
    /// The connection's own user. RabbitMQ verifies it, so monitors can rely on it.
    let user: String
    private let sent: Metered<SendingError, Counter>
    private let publishTime: Timer

    init(publisher: Publisher, exchange: String, user: String, metrics: any MetricsFactory) {
        self.publisher = publisher
        self.exchange = exchange
        self.user = user
        sent = Metered(.sentMessages, to: metrics)
        publishTime = Timer(.publishTime, [("messaging_operation_name", "publish")], to: metrics)
    }

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        let begun = ContinuousClock.now
        let results = await publisher.publish(events.map(message))
        publishTime.record(.now - begun)
        for result in results { sent[SendingError(result)].increment() }
        return results.map(BrokerAnswer.init)
    }

    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void) {
        publisher.submit([message(event)]) { results in
            for result in results { answered(BrokerAnswer(result)) }
        }
    }

    private func message(_ ordered: OrderedEvent) -> OutboundMessage {
        var headers: [String: AMQPFieldValue] = [:]
        if let traceparent = ordered.event.traceparent { headers["traceparent"] = .string(traceparent) }
        return OutboundMessage(
            exchange: exchange,
            routingKey: ordered.routingKey,
            properties: MessageProperties(
                contentType: OrderedEvent.contentType,
                messageID: ordered.event.id,
                correlationID: ordered.event.jobID?.description,
                type: ordered.typeAttribute,
                userID: user,
                timestamp: UInt64(max(ordered.event.time.millisecondsSinceEpoch, 0) / 1000),
                headers: headers
            ),
            body: ordered.encoded
        )
    }
}

/// Why the broker did not confirm a message.
enum SendingError: String, MetricLabel {
    case none
    case nacked
    case returned
    /// The broker closed the channel over it.
    case closed
    /// No answer came: the message is published again.
    case missing

    static var metricLabel: String { "error_type" }

    init(_ result: PublishResult) {
        switch result {
        case .success: self = .none
        case .failure(let error):
            switch error.code {
            case .nacked: self = .nacked
            case .returned: self = .returned
            case .closedChannel, .suspected, .invalidMessage: self = .closed
            default: self = .missing
            }
        }
    }
}

extension BrokerAnswer {
    init(_ result: PublishResult) {
        switch result {
        case .success: self = .confirmed
        case .failure(let error):
            switch error.code {
            // Other messages that are published meanwhile have their own answers.
            case .nacked, .returned, .invalidMessage: self = .refused
            case .closedChannel where error.isOfExchange: self = .unavailable(reason: error.message)
            case .closedChannel: self = .closed(reason: error.message)
            case .suspected: self = .suspected
            default: self = .missing
            }
        }
    }
}

extension AMQPError {
    /// Whether the exchange is missing, or the worker may not write to it, so that every event fails alike. For a forbidden routing key,
    /// RabbitMQ's message says "topic" instead.
    fileprivate var isOfExchange: Bool { replyCode == 404 || replyCode == 403 && message.contains("access to exchange") }
}
