import AMQP
import Contract
import Engine
import FoundationEssentials

/// The results exchange, as the engine's port sees it.
struct AMQPEventSink: EventSink {
    let publisher: Publisher
    let exchange: String
    /// The connection's own user: RabbitMQ vouches for it to monitors.
    let user: String

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        await publisher.publish(events.map(message)).map(BrokerAnswer.init)
    }

    func offer(_ event: OrderedEvent) {
        publisher.submit([message(event)]) { _ in }
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
            // Whatever else is published meanwhile has an answer of its own.
            case .nacked, .returned, .invalidMessage: self = .refused
            default: self = .missing
            }
        }
    }
}
