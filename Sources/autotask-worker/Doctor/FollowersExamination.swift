import AMQP
import Operations

/// Whether those who follow results could hold them up, or send them where they do not belong. Rights cannot forbid it: a follower says by
/// arguments of its own queue what happens when that is full, and RabbitMQ knows the door and the exchange of jobs by one name.
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
        // Where not even the doors are seen, that no follower is means nothing.
        guard ways.knows(settings.jobQueues) else {
            return [
                notMade(
                    "the management API shows no door in the virtual host \(virtualHost).",
                    advice: "Check MANAGEMENT_URL and its user."
                )
            ]
        }
        let doors = Set(settings.jobQueues + [broker.jobsExchange])
        let refusing = ways.refusing(broker.resultsExchange).filter { !doors.contains($0) }.map { queue in
            warn(
                "The queue \(queue) follows results and refuses them when it is full: then their tenants' events wait.",
                advice: "Delete it, and have it declared without x-overflow."
            )
        }
        let strays = ways.strays(from: broker.resultsExchange, to: doors).map { destination in
            warn(
                "Results are sent on to \(destination), where each becomes a dead letter.",
                advice: "Somebody who may publish jobs has bound it: unbind it in the management UI, and find out who."
            )
        }
        let findings = refusing + strays
        return findings.isEmpty ? [pass("No queue that follows results can hold them up.")] : findings
    }
}
