import AMQP
import Contract
import Engine
import FoundationEssentials

/// The results exchange as the engine's event sink.
struct AMQPEventSink: EventSink {
    let publisher: Publisher
    let exchange: String
    /// The connection's own user. RabbitMQ verifies it, so monitors can rely on it.
    let user: String

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        await publisher.publish(events.map(message)).map(BrokerAnswer.init)
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
