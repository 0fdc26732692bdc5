/// The exchanges, queues and bindings between portals, workers and monitors.
///
/// Everything that correctness depends on is an argument. Only length limits are policies, which are not listed here. A check reports other
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

    /// The number of deliveries after which the broker gives up on a job: in effect, never. The worker itself counts deliveries of a
    /// message that crashes it, and records the message the fifth time. The broker also counts every message delivered with it, so RabbitMQ
    /// 4's default of 20 would make it give up on other jobs. The value is a number because RabbitMQ 3.10 accepts no other.
    package static let deliveryLimit: Int64 = 1_000_000

    package var exchanges: [Exchange]
    package var queues: [Queue]
    package var bindings: [Binding]
    /// The job queues that the operator binds. How jobs are distributed over them is not known here, only that each needs a binding.
    package private(set) var jobQueuesBoundByOperator: [String] = []

    package init(exchanges: [Exchange], queues: [Queue], bindings: [Binding]) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// Creates the contract's topology.
    ///
    /// - Parameters:
    ///   - prefix: the beginning of every name.
    ///   - jobQueues: the job queues. If empty, there is one, `<prefix>.jobs`, which gets every job.
    package init(prefix: String = "autotask", jobQueues: [String] = []) {
        let jobs = "\(prefix).jobs"
        let results = "\(prefix).results"
        let journal = "\(prefix).results.journal"
        let dead = "\(prefix).dead"
        let jobQueues = jobQueues.isEmpty ? [jobs] : jobQueues
        exchanges = [Exchange(name: jobs, kind: .topic), Exchange(name: results, kind: .topic), Exchange(name: dead, kind: .fanout)]
        queues = [
            Queue(name: dead, arguments: ["x-queue-type": "quorum"]),
            Queue(name: journal, arguments: ["x-queue-type": "stream", "x-max-age": "7D"]),
        ]
        queues += jobQueues.map { queue in
            Queue(
                name: queue,
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
        if jobQueues == [jobs] {
            bindings.append(Binding(exchange: jobs, queue: jobs, routingKey: "#"))
        } else {
            jobQueuesBoundByOperator = jobQueues
        }
    }
}
