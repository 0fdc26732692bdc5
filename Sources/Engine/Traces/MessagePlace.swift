import Contract
import Telemetry

/// Where a message is published, as OpenTelemetry names it for RabbitMQ: exchange and routing key.
struct MessagePlace {
    let exchange: String
    /// The routing key without the tenant.
    let key: String
    let tenant: TenantID

    var routingKey: String { "\(key).\(tenant)" }
    var name: String { "\(exchange):\(routingKey)" }
    /// The name with a placeholder for the tenant.
    var template: String { "\(exchange):\(key).{tenant}" }
}

extension WorkerSpan {
    func describe(_ place: MessagePlace, operation: String) {
        self[.messagingSystem] = "rabbitmq"
        self[.messagingOperation] = .text(operation)
        self[.messagingOperationType] = .text(operation == "publish" ? "send" : operation)
        self[.destination] = .text(place.name)
        self[.destinationTemplate] = .text(place.template)
        self[.routingKey] = .text(place.routingKey)
    }
}
