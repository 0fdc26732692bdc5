import FoundationEssentials

/// The answers of RabbitMQ's management API that a full check needs, as bytes. The caller requests them over HTTP.
package struct ManagementAnswers: Sendable {
    package var exchanges: [UInt8]
    package var queues: [UInt8]
    package var bindings: [UInt8]

    package init(exchanges: [UInt8], queues: [UInt8], bindings: [UInt8]) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }
}

extension Topology {
    /// Compares types, arguments and bindings with the answers of the management API. It is pure.
    ///
    /// Further arguments and bindings are up to the operator, except that a job must not reach two job queues: its order would be
    /// undefined.
    ///
    /// - Throws: ``AMQPError`` `.unexpected` if an answer is not one of the management API.
    package func compare(with answers: ManagementAnswers) throws(AMQPError) -> TopologyReport {
        let foundExchanges = try decode([FoundExchange].self, answers.exchanges)
        let foundQueues = try decode([FoundQueue].self, answers.queues)
        let foundBindings = try decode([FoundBinding].self, answers.bindings)
        var report = TopologyReport()

        for exchange in exchanges {
            let entity = "exchange \(exchange.name)"
            guard let found = foundExchanges.first(where: { $0.name == exchange.name }) else {
                report.findings.append(.init(.missing, entity))
                continue
            }
            if found.type != exchange.kind.rawValue {
                report.findings.append(.init(.different, entity, "its type is \(found.type), not \(exchange.kind.rawValue)"))
            }
            if !found.durable { report.findings.append(.init(.different, entity, "it is not durable")) }
        }
        for queue in queues {
            let entity = "queue \(queue.name)"
            guard let found = foundQueues.first(where: { $0.name == queue.name }) else {
                report.findings.append(.init(.missing, entity))
                continue
            }
            if !found.durable { report.findings.append(.init(.different, entity, "it is not durable")) }
            for (name, value) in queue.arguments.sorted(by: { $0.key < $1.key }) {
                let found = found.arguments[name]
                if found?.value != value {
                    report.findings.append(.init(.different, entity, "\(name) is \(found?.text ?? "not set"), not \(value.text)"))
                }
            }
            limits(of: found, queue, entity, &report)
        }
        for binding in bindings where !foundBindings.contains(where: { $0.isSame(as: binding) }) {
            let key = binding.routingKey.isEmpty ? "" : " with \(binding.routingKey)"
            report.findings.append(.init(.missing, "the binding of queue \(binding.queue) to exchange \(binding.exchange)\(key)"))
        }
        for queue in jobQueuesBoundByOperator
        where !foundBindings.contains(where: { $0.source == exchanges[0].name && $0.destination == queue }) {
            report.findings.append(
                .init(.missing, "a binding of queue \(queue) to exchange \(exchanges[0].name) (the operator decides which jobs it gets)")
            )
        }
        return report
    }

    /// Reports how policies, operator policies and further arguments affect a queue. RabbitMQ applies the lower of two limits.
    private func limits(of found: FoundQueue, _ queue: Queue, _ entity: String, _ report: inout TopologyReport) {
        let policies = [found.policy, found.operatorPolicy].compactMap(\.self).filter { !$0.isEmpty }
        let origin = policies.isEmpty ? "a policy" : "the policy " + policies.joined(separator: " or ")
        let own = Set(queue.arguments.keys)
        var effective = found.policyDefinition.map { (name: $0.key, value: $0.value, origin: origin) }
        effective += found.arguments.filter { !own.contains($0.key) && $0.key.hasPrefix("x-") }.map {
            (name: String($0.key.dropFirst(2)), value: $0.value, origin: "an argument")
        }
        for limit in effective.sorted(by: { $0.name < $1.name }) {
            let says = "\(limit.origin) sets \(limit.name) to \(limit.value.text)"
            switch limit.name {
            case "delivery-limit":
                if case .integer(let number) = limit.value.value, number < 0 || number >= Topology.deliveryLimit { continue }
                report.findings.append(
                    .init(.limited, entity, "\(says): after that many deliveries, RabbitMQ gives up on a message and on those next to it")
                )
            case "message-ttl", "expires":
                report.findings.append(.init(.limited, entity, "\(says): RabbitMQ gives up on older jobs, and no event answers them"))
            case "overflow" where limit.value.value != .string("reject-publish"), "dead-letter-exchange", "dead-letter-routing-key",
                "dead-letter-strategy":
                // The queue's own argument takes precedence.
                if own.contains("x-\(limit.name)") {
                    report.notes.append("\(entity): \(says); the queue's own argument prevails")
                } else {
                    report.findings.append(.init(.limited, entity, "\(says)"))
                }
            case "max-length", "max-length-bytes", "max-in-memory-length", "max-in-memory-bytes", "overflow", "max-age":
                report.notes.append("\(entity): \(says)")
            default: break
            }
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(AMQPError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw AMQPError(.unexpected, "The answer is not from RabbitMQ's management API. Check MANAGEMENT_URL.")
        }
    }
}

private struct FoundExchange: Decodable {
    var name: String
    var type: String
    var durable: Bool
}

private struct FoundQueue: Decodable {
    var name: String
    var durable: Bool
    var arguments: [String: FoundArgument]
    var policy: String?
    var operatorPolicy: String?
    /// Both policies together.
    var policyDefinition: [String: FoundArgument]

    enum CodingKeys: String, CodingKey {
        case name
        case durable
        case arguments
        case policy
        case operatorPolicy = "operator_policy"
        case policyDefinition = "effective_policy_definition"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        durable = try container.decode(Bool.self, forKey: .durable)
        arguments = try container.decode([String: FoundArgument].self, forKey: .arguments)
        policy = try? container.decode(String.self, forKey: .policy)
        operatorPolicy = try? container.decode(String.self, forKey: .operatorPolicy)
        // RabbitMQ writes a missing definition as [], not as {}.
        policyDefinition = (try? container.decode([String: FoundArgument].self, forKey: .policyDefinition)) ?? [:]
    }
}

private struct FoundBinding: Decodable {
    var source: String
    var destination: String
    var destinationType: String
    var routingKey: String

    enum CodingKeys: String, CodingKey {
        case source
        case destination
        case destinationType = "destination_type"
        case routingKey = "routing_key"
    }

    func isSame(as binding: Topology.Binding) -> Bool {
        source == binding.exchange && destination == binding.queue && destinationType == "queue" && routingKey == binding.routingKey
    }
}

/// An argument in JSON.
private struct FoundArgument: Decodable {
    var value: AMQPFieldValue

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let bool = try? container.decode(Bool.self) {
            value = .bool(bool)
        } else if let integer = try? container.decode(Int64.self) {
            value = .integer(integer)
        } else if let string = try? container.decode(String.self) {
            value = .string(string)
        } else {
            value = .unsupported
        }
    }

    var text: String { value.text }
}

extension AMQPFieldValue {
    /// The value in reports; arguments of queues are scalars.
    fileprivate var text: String {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): value
        default: "something else"
        }
    }
}
