import Contract
import Telemetry

/// Where a message is published, as OpenTelemetry names it for RabbitMQ: exchange and routing key.
struct MessagePlace {
    let exchange: String
    /// The routing key without the tenant.
    let key: String
    let tenant: TenantID

    private init(exchange: String, key: String, tenant: TenantID) {
        self.exchange = exchange
        self.key = key
        self.tenant = tenant
    }

    /// Where portals publish jobs of a kind.
    init(of kind: JobKind, for tenant: TenantID, _ settings: EngineSettings) {
        self.init(exchange: "\(settings.exchangePrefix).jobs", key: kind.rawValue, tenant: tenant)
    }

    /// Where the worker publishes events of a type.
    init(of type: EventType, for tenant: TenantID, _ settings: EngineSettings) {
        self.init(exchange: "\(settings.exchangePrefix).results", key: type.rawValue, tenant: tenant)
    }

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
