import Contract
import Engine
import Operations
import SQLiteStore
import Store
import Vault

/// Checks the contents of the store: each state is one that a worker leaves behind, and no work is overdue.
struct ContentsExamination: Examination {
    let settings: Configuration
    let isThorough: Bool

    let name = "contents"
    var limit: Duration { isThorough ? .thorough : .seconds(10) }

    var whenOutOfTime: HealthReport.Check {
        warn(
            "The store is too large to be checked within \(limit.inWords).",
            advice: "Run: autotask-worker doctor --thorough"
        )
    }

    func checks() async -> [HealthReport.Check] {
        // The store examination reports a store that cannot be opened.
        guard let path = try? settings.storePath else { return [] }
        let format: StoreFormat
        do { format = try await StoreFormat.look(at: path) } catch { return [notMade("the store cannot be opened.")] }
        guard format != .none else { return [notMade("there is no store.")] }
        guard format == .current else { return [notMade("the store has the schema of an older version.")] }
        let maximumAge = (try? settings.engine.retry.maximumAge) ?? RetryPolicy().maximumAge
        let inspection: StoreInspection?
        do {
            inspection = try await StoreInspection.make(of: path, clock: { SystemTime.now }, maximumAge: maximumAge, isThorough: isThorough)
        } catch {
            return [fail(error.message, advice: StoreExamination.advice(on: error))]
        }
        guard let inspection else { return [] }
        let findings = ContentsFindings(
            inspection,
            backlogLimit: try? settings.engine.backlogLimit,
            vault: try? await settings.vault
        )
        return await findings.checks + [findings.erasure(at: path)].compactMap(\.self) + events(inspection, findings, in: path)
    }

    /// Checks whether events are published. Their times do not show for certain how long they wait, since some are published again:
    /// the check looks twice.
    private func events(_ inspection: StoreInspection, _ findings: ContentsFindings, in path: String) async -> [HealthReport.Check] {
        let breaches = findings.checks(on: .events)
        guard let oldest = inspection.oldestEvent else {
            return breaches.isEmpty ? [.init("events", "Every event was published.")] : breaches
        }
        let waiting = "\(inspection.unpublishedEvents.of("event")) not published yet"
        guard findings.isWorkerAlive else {
            return breaches + [.warn("events", "\(waiting).", advice: "The next worker publishes them: autotask-worker run")]
        }
        let before = (try? await StoreInspection.waitingLanes(in: path)) ?? []
        if before.contains(where: { findings.now - $0.first.time > ContentsExamination.promptness }) {
            try? await Task.sleep(for: ContentsExamination.secondLook)
            let now = (try? await StoreInspection.waitingLanes(in: path)) ?? []
            let stuck = now.filter { lane in before.contains { $0.first.position == lane.first.position } }
            if !stuck.isEmpty {
                let age = findings.now - oldest.time
                let names = stuck.prefix(3).map { "\($0.lane) (\($0.events.of("event")), first a \($0.firstType.rawValue))" }
                let others = stuck.count > 3 ? " and of \(stuck.count - 3) other integrations" : ""
                return breaches + [
                    .init(
                        "events",
                        age > ContentsExamination.patience ? .fail : .warn,
                        "\(waiting), the oldest for \(age.inWords), although a worker runs: those of \(names.joined(separator: ", "))\(others).",
                        advice:
                            "See the checks of broker, readiness and followers, and the worker's log: RabbitMQ accepts nothing, refuses these events, or cannot be reached."
                    )
                ]
            }
        }
        return breaches.isEmpty ? [.init("events", "\(waiting), being published.")] : breaches
    }

    /// With a connection to the broker, an event is published long before.
    private static let promptness: Duration = .seconds(5)
    private static let patience: Duration = .seconds(60)
    private static let secondLook: Duration = .seconds(2)
}
