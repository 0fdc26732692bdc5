import AMQP
import Contract
import Operations

/// Checks whether the worker's broker user can connect, and the state of the queues as far as that user can see.
struct BrokerExamination: Examination {
    let settings: Configuration

    let name = "broker"
    /// A tenth of a job queue's limit in `deploy/rabbitmq`, at which portals are refused.
    private static let largeBacklog = 100_000

    func checks() async -> [HealthReport.Check] {
        let broker = Broker(settings: settings)
        // The settings examination reports a URL that cannot be read.
        guard let configuration = try? broker.configuration(name: "autotask-worker doctor") else { return [] }
        let found: (report: TopologyReport, queues: [String: QueueState])
        do { found = try await broker.topology.examine(on: configuration) } catch {
            return [fail(error.message, advice: BrokerExamination.advice(on: error))]
        }
        var checks = [pass("The worker can connect to RabbitMQ: \(configuration).")]
        if let topology = topology(found.report) { checks.append(topology) }
        if let limit = try? settings.eventLimit.bytes,
            let refusal = try? await Topology.refusal(ofMessageWith: limit, on: configuration)
        {
            checks.append(
                .fail(
                    "events",
                    "RabbitMQ refuses an event that EVENT_LIMIT_BYTES (\(limit)) allows: \(refusal)",
                    advice: "Raise max_message_size in rabbitmq.conf above EVENT_LIMIT_BYTES, or lower EVENT_LIMIT_BYTES below it."
                )
            )
        }
        for queue in settings.jobQueues { found.queues[queue].map { checks.append(check(queue: queue, $0)) } }
        found.queues[broker.deadQueue].map { checks.append(check(deadQueue: broker.deadQueue, $0)) }
        return checks
    }

    /// - Returns: `nil` for a good topology if the management examination sees more of it.
    func topology(_ report: TopologyReport) -> HealthReport.Check? {
        guard report.isGood else {
            return .fail("topology", "\(report.findings.map(\.description).joined(separator: "; ")).", advice: report.remedy)
        }
        guard settings.managementURL == nil else { return nil }
        return .warn(
            "topology",
            "All exchanges and queues exist. Not seen: \(report.unseen.joined(separator: "; ")); alarms; whether the user may take jobs and publish events.",
            advice: "Set MANAGEMENT_URL to check the rest."
        )
    }

    private static func advice(on error: AMQPError) -> String {
        switch error.code {
        case .accessRefused, .notPermitted: "Check user, password and virtual host in AMQP_URL, and the user's permissions."
        case .tlsFailed: "Check AMQP_URL, AMQP_CA_FILE and the broker's certificate."
        case .invalidConfiguration: "Check AMQP_URL and AMQP_CA_FILE."
        default:
            "Check AMQP_URL, and that RabbitMQ runs. Nothing is lost meanwhile: events wait in the store, and jobs with their publishers."
        }
    }

    func check(queue: String, _ state: QueueState) -> HealthReport.Check {
        let waiting = "\(state.ready.of("job")) waiting in \(queue)"
        guard state.consumers > 0 else {
            return .warn(
                "door",
                "No worker takes jobs from \(queue); \(waiting).",
                advice:
                    "Start a worker: autotask-worker run. If one runs, see its log: it is not connected, or has suspended intake at BACKLOG_LIMIT."
            )
        }
        let consumers = state.consumers == 1 ? "one worker connected" : "\(state.consumers) workers connected, one of them active"
        guard state.ready < BrokerExamination.largeBacklog else {
            return .warn(
                "door",
                "\(waiting), \(consumers).",
                advice: "Find out what holds the worker up before the queue is full and portals are refused."
            )
        }
        return .init("door", "\(waiting), \(consumers).")
    }

    func check(deadQueue: String, _ state: QueueState) -> HealthReport.Check {
        guard state.ready > 0 else { return .init("dead queue", "\(deadQueue) is empty.") }
        return .warn(
            "dead queue",
            "\(state.ready.of("message")) in \(deadQueue), which should be empty.",
            advice: "Move them, redacted, into the store: autotask-worker dead-letters collect"
        )
    }
}
