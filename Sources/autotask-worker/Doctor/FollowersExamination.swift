import AMQP
import Operations

/// Checks whether queues that follow results can hold events up, or are job queues. Permissions cannot prevent either: a follower chooses
/// what happens when its own queue is full, and the job queue and the exchange of jobs have the same name.
struct FollowersExamination: Examination {
    let settings: Configuration

    let name = "followers"

    func checks() async -> [HealthReport.Check] {
        guard let url = settings.managementURL else { return [notMade("MANAGEMENT_URL is not set.")] }
        // The settings examination reports faulty settings.
        guard let api = try? ManagementAPI(url: url), let virtualHost = try? Broker(settings: settings).configuration(name: "").virtualHost
        else { return [] }
        let ways: BrokerWays
        do { ways = try await api.ways(in: virtualHost) } catch {
            return [notMade(error)]
        }
        return verdict(on: ways, virtualHost: virtualHost)
    }

    func verdict(on ways: BrokerWays, virtualHost: String) -> [HealthReport.Check] {
        let broker = Broker(settings: settings)
        // If not even the job queues are visible, an absence of followers means nothing.
        guard ways.knows(settings.jobQueues) else {
            return [
                notMade(
                    "the management API shows no job queue in the virtual host \(virtualHost).",
                    advice: "Check MANAGEMENT_URL and its user."
                )
            ]
        }
        let queues = Set(settings.jobQueues + [broker.jobsExchange])
        let refusing = ways.refusing(broker.resultsExchange).filter { !queues.contains($0) }.map { queue in
            warn(
                "The queue \(queue) follows results and refuses them when it is full. Then the events of their tenants wait.",
                advice: "Delete it, and let its owner declare it without x-overflow."
            )
        }
        let strays = ways.strays(from: broker.resultsExchange, to: queues).map { destination in
            warn(
                "Results are routed to \(destination), where each becomes a dead letter.",
                advice: "A user who may publish jobs has bound it. Unbind it in the management UI, and find out who did it."
            )
        }
        let findings = refusing + strays
        return findings.isEmpty ? [pass("No queue that follows results can hold them up.")] : findings
    }
}
