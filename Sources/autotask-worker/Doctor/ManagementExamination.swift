import AMQP
import Operations

/// What only the broker's management API tells: types, arguments and bindings, and alarms.
struct ManagementExamination: Examination {
    let settings: Configuration

    let name = "topology"

    func checks() async -> [HealthReport.Check] {
        let broker = Broker(settings: settings)
        guard let url = settings.managementURL, let api = try? ManagementAPI(url: url),
            let virtualHost = try? broker.configuration(name: "").virtualHost
        else { return [] }
        var checks: [HealthReport.Check] = []
        do {
            let report = try await api.report(on: broker.topology, virtualHost: virtualHost)
            checks.append(
                report.isGood
                    ? .init(name, "Exchanges, queues and bindings are as they should be." + report.notes.map { " Note: \($0)." }.joined())
                    : .init(name, .fail, "\(report.findings.map(\.description).joined(separator: "; ")).", advice: report.remedy)
            )
        } catch {
            return [unseen(error)]
        }
        do {
            let alarms = try await api.alarms()
            checks.append(
                alarms.isEmpty
                    ? .init("alarms", "RabbitMQ has raised no alarm.")
                    : .init(
                        "alarms",
                        .fail,
                        "RabbitMQ takes nothing from publishers: it runs out of \(alarms.joined(separator: " and ")).",
                        advice: "Free it on the broker's machine, or raise its limit. Events wait in the store meanwhile."
                    )
            )
        } catch {
            checks.append(unseen(error, "alarms"))
        }
        return checks
    }

    private func unseen(_ error: any Error, _ name: String? = nil) -> HealthReport.Check {
        let failure = error as? Failure
        let message = failure?.message ?? (error as? AMQPError)?.message ?? "The management API cannot be used."
        return .notMade(name ?? self.name, message, advice: failure?.hint ?? "Check MANAGEMENT_URL.")
    }
}
