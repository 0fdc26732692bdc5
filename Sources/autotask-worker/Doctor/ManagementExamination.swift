import AMQP
import Operations

/// Checks types, arguments, bindings and alarms, which only the broker's management API shows.
struct ManagementExamination: Examination {
    let settings: Configuration

    let name = "topology"

    func checks() async -> [HealthReport.Check] {
        let broker = Broker(settings: settings)
        guard let url = settings.managementURL, let api = try? ManagementAPI(url: url),
            let virtualHost = try? broker.configuration(name: "").virtualHost
        else { return [] }
        let report: TopologyReport
        do { report = try await api.report(on: broker.topology, virtualHost: virtualHost) } catch { return [unseen(error)] }
        do { return [verdict(on: report), verdict(alarms: try await api.alarms())] } catch {
            return [verdict(on: report), unseen(error, "alarms")]
        }
    }

    func verdict(on report: TopologyReport) -> HealthReport.Check {
        report.isGood
            ? pass("Exchanges, queues and bindings are correct." + report.notes.map { " Note: \($0)." }.joined())
            : fail("\(report.findings.map(\.description).joined(separator: "; ")).", advice: report.remedy)
    }

    /// - Parameter resources: the resources that the broker lacks.
    func verdict(alarms resources: [String]) -> HealthReport.Check {
        guard !resources.isEmpty else { return .init("alarms", "RabbitMQ has raised no alarm.") }
        return .fail(
            "alarms",
            "RabbitMQ accepts nothing from publishers: it runs out of \(resources.joined(separator: " and ")).",
            advice: "Free some of it on the broker's machine, or raise its limit. Events wait in the store meanwhile."
        )
    }

    private func unseen(_ error: any Error, _ name: String? = nil) -> HealthReport.Check {
        let failure = error as? Failure
        let message = failure?.message ?? (error as? AMQPError)?.message ?? "The management API cannot be used."
        return .notMade(name ?? self.name, message, advice: failure?.hint ?? "Check MANAGEMENT_URL.")
    }
}
