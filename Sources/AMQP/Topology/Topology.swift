/// The exchanges, queues and bindings at which portals, workers and monitors meet.
///
/// Everything that correctness depends on is an argument here; only length limits are policies, not listed here. A check reports other
/// policies that affect these queues (``Topology/compare(with:)``).
package struct Topology: Sendable {
    package struct Exchange: Hashable, Sendable {
        package enum Kind: String, Sendable {
            case topic
            case fanout
        }

        package var name: String
        package var kind: Kind

        package init(name: String, kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    package struct Queue: Hashable, Sendable {
        package var name: String
        package var arguments: [String: AMQPFieldValue]

        package init(name: String, arguments: [String: AMQPFieldValue]) {
            self.name = name
            self.arguments = arguments
        }
    }

    package struct Binding: Hashable, Sendable {
        package var exchange: String
        package var queue: String
        package var routingKey: String

        package init(exchange: String, queue: String, routingKey: String) {
            self.exchange = exchange
            self.queue = queue
            self.routingKey = routingKey
        }
    }

    /// How often the broker may deliver a job before it gives up on it: never, in effect. The worker counts the deliveries of a message that ends
    /// it, and records it the fifth time; the broker also counts those of every message that was handed over with it, and with RabbitMQ 4's
    /// default of 20 gives up on other jobs. The value is a number because RabbitMQ 3.10 accepts no other.
    package static let deliveryLimit: Int64 = 1_000_000

    package var exchanges: [Exchange]
    package var queues: [Queue]
    package var bindings: [Binding]
    /// Doors whose bindings are the operator's: how jobs are spread over them is not known here, only that each needs a binding.
    package private(set) var doorsBoundByOperator: [String] = []

    package init(exchanges: [Exchange], queues: [Queue], bindings: [Binding]) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// The contract's.
    ///
    /// - Parameters:
    ///   - prefix: what every name begins with.
    ///   - doors: the queues to take jobs from; without any it is one, `<prefix>.jobs`, which gets every job.
    package init(prefix: String = "autotask", doors: [String] = []) {
        let jobs = "\(prefix).jobs"
        let results = "\(prefix).results"
        let journal = "\(prefix).results.journal"
        let dead = "\(prefix).dead"
        let doors = doors.isEmpty ? [jobs] : doors
        exchanges = [Exchange(name: jobs, kind: .topic), Exchange(name: results, kind: .topic), Exchange(name: dead, kind: .fanout)]
        queues = [
            Queue(name: dead, arguments: ["x-queue-type": "quorum"]),
            Queue(name: journal, arguments: ["x-queue-type": "stream", "x-max-age": "7D"]),
        ]
        queues += doors.map { door in
            Queue(
                name: door,
                arguments: [
                    "x-queue-type": "quorum",
                    "x-single-active-consumer": true,
                    "x-dead-letter-exchange": .string(dead),
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                    "x-delivery-limit": .integer(Topology.deliveryLimit),
                ]
            )
        }
        bindings = [
            Binding(exchange: results, queue: journal, routingKey: "#"),
            Binding(exchange: dead, queue: dead, routingKey: ""),
        ]
        if doors == [jobs] {
            bindings.append(Binding(exchange: jobs, queue: jobs, routingKey: "#"))
        } else {
            doorsBoundByOperator = doors
        }
    }
}
