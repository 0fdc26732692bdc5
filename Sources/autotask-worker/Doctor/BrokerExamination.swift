import AMQP
import Contract
import Operations

/// Whether the worker's own broker user gets in, and how it stands with the queues, as far as that user can see.
struct BrokerExamination: Examination {
    let settings: Configuration

    let name = "broker"
    /// A tenth of what `deploy/rabbitmq` lets a door hold before portals are refused.
    private static let largeBacklog = 100_000

    func checks() async -> [HealthReport.Check] {
        let broker = Broker(settings: settings)
        // A URL that cannot be read is the settings examination's to tell.
        guard let configuration = try? broker.configuration(name: "autotask-worker doctor") else { return [] }
        let found: (report: TopologyReport, queues: [String: QueueState])
        do { found = try await broker.topology.examine(on: configuration) } catch {
            return [.init(name, .fail, error.message, advice: BrokerExamination.advice(on: error))]
        }
        var checks = [HealthReport.Check(name, "RabbitMQ lets the worker in: \(configuration).")]
        // With a management API, its examination tells more.
        if !found.report.isGood {
            checks.append(
                .init(
                    "topology",
                    .fail,
                    "\(found.report.findings.map(\.description).joined(separator: "; ")).",
                    advice: found.report.remedy
                )
            )
        } else if settings.managementURL == nil {
            checks.append(
                .init(
                    "topology",
                    .warn,
                    "All exchanges and queues are there. Not seen: \(found.report.unseen.joined(separator: "; ")); nor alarms, nor whether the user may take jobs and publish events.",
                    advice: "Set MANAGEMENT_URL to have the rest checked."
                )
            )
        }
        if let limit = try? settings.eventLimit.bytes,
            let refusal = try? await Topology.refusal(ofMessageWith: limit, on: configuration)
        {
            checks.append(
                .init(
                    "events",
                    .fail,
                    "RabbitMQ refuses an event that EVENT_LIMIT_BYTES (\(limit)) allows: \(refusal)",
                    advice: "Raise max_message_size in rabbitmq.conf above EVENT_LIMIT_BYTES, or lower EVENT_LIMIT_BYTES below it."
                )
            )
        }
        for door in settings.jobQueues { found.queues[door].map { checks.append(check(door: door, $0)) } }
        found.queues[broker.deadQueue].map { checks.append(check(deadQueue: broker.deadQueue, $0)) }
        return checks
    }

    private static func advice(on error: AMQPError) -> String {
        switch error.code {
        case .accessRefused, .notPermitted: "Check user, password and virtual host in AMQP_URL, and the user's permissions."
        case .tlsFailed: "Check AMQP_URL, AMQP_CA_FILE and the broker's certificate."
        case .invalidConfiguration: "Check AMQP_URL and AMQP_CA_FILE."
        default:
            "Check that RabbitMQ runs, and AMQP_URL. Nothing is lost meanwhile: events wait in the store, and jobs with those who send them."
        }
    }

    private func check(door: String, _ state: QueueState) -> HealthReport.Check {
        let waiting = "\(state.ready.of("job")) waiting in \(door)"
        guard state.consumers > 0 else {
            return .init(
                "door",
                .warn,
                "Nobody takes jobs from \(door); \(waiting).",
                advice:
                    "Start a worker: autotask-worker run. If one runs, see its log: it is not connected, or keeps the door closed above BACKLOG_LIMIT."
            )
        }
        let consumers = state.consumers == 1 ? "one worker there" : "\(state.consumers) workers there, one of them active"
        guard state.ready < BrokerExamination.largeBacklog else {
            return .init(
                "door",
                .warn,
                "\(waiting), \(consumers).",
                advice: "See what holds the worker up, before the queue is full and portals are refused."
            )
        }
        return .init("door", "\(waiting), \(consumers).")
    }

    private func check(deadQueue: String, _ state: QueueState) -> HealthReport.Check {
        guard state.ready > 0 else { return .init("dead queue", "\(deadQueue) is empty.") }
        return .init(
            "dead queue",
            .warn,
            "\(state.ready.of("message")) in \(deadQueue), which is expected to be empty.",
            advice: "Move them, redacted, into the store: autotask-worker dead-letters collect"
        )
    }
}
