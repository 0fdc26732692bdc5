import AMQP
import Contract
import Engine
import Operations
import SQLiteStore
import Store

/// Whether the worker can work now: the answer of `/readyz`.
struct Readiness {
    let store: SQLiteStore
    let path: String
    let engine: Engine
    let publisher: Publisher
    let consumer: Consumer
    let clock: ClockWatch

    /// The longest time of an erasure, unless a process reads the store for long.
    private static let promptErasure: Duration = .seconds(2)

    var report: HealthReport {
        let obstacles = engine.outboxObstacles
        var results = HealthReport.Check("results", publisher.state, whenConnected: "Connected.")
        if let trouble = obstacles.trouble, results.status == .pass {
            results = HealthReport.Check.fail("results", "RabbitMQ accepts no events: \(trouble)")
        }
        return HealthReport(
            [
                storeCheck,
                engine.holdsLease
                    ? HealthReport.Check("lease", "This worker holds its lease.")
                    : HealthReport.Check.fail("lease", "This worker's lease has expired: it did not reach the store in time."),
                HealthReport.Check(
                    "jobs",
                    consumer.state,
                    whenConnected: "Connected. Another worker takes the jobs, or intake is suspended."
                ),
                results,
                clock.trouble.map { HealthReport.Check.fail("clock", $0) }
                    ?? HealthReport.Check("clock", "The machine's clock has not been set since the worker started."),
            ] + pauseChecks + Readiness.checks(obstacles)
        )
    }

    private var pauseChecks: [HealthReport.Check] {
        let count = engine.pauses
        return count == 0 ? [] : [.warn("pauses", "Jobs wait under \(count.of("pause")).", advice: "Run: autotask-worker pause list")]
    }

    /// Integrations whose events wait. The worker is ready for all others.
    private static func checks(_ obstacles: OutboxObstacles) -> [HealthReport.Check] {
        let shown = 20
        var checks = obstacles.held.prefix(shown).map { held in
            let waits = "The events of \(held.lane) have waited since \(held.since), the first of them a \(held.eventType.rawValue)"
            guard let reason = held.closingReason else {
                return HealthReport.Check.warn("events", "\(waits): a queue that follows results refuses them.")
            }
            return HealthReport.Check.warn("events", "\(waits): RabbitMQ closes the channel over it. \(reason)")
        }
        if obstacles.held.count > shown {
            checks.append(HealthReport.Check.warn("events", "The events of \(obstacles.held.count - shown) other integrations wait too."))
        }
        return checks
    }

    private var storeCheck: HealthReport.Check {
        if let trouble = store.trouble { return HealthReport.Check.fail("store", "\(trouble)") }
        var findings: [String] = []
        let rows = store.setAside
        if let first = rows.first {
            findings.append("\(rows.count.of("row")) cannot be read; their integrations are set aside: \(first.what).")
        }
        if let delay = store.erasureDelay, delay > Readiness.promptErasure {
            findings.append("\(StoreReaders.delay(delay, at: path))")
        }
        guard !findings.isEmpty else { return HealthReport.Check("store", "The store works.") }
        return HealthReport.Check(
            "store",
            .warn,
            "The store works. " + findings.joined(separator: " "),
            advice: "Run: autotask-worker doctor"
        )
    }
}

extension StoreReaders {
    /// A finding that names the processes that delay the event of a reset.
    static func delay(_ delay: Duration, at path: String) -> String {
        let readers = now(of: path).map(\.description)
        let names = readers.isEmpty ? "a reader that this process cannot see" : readers.joined(separator: ", ")
        return
            "The event of a reset has waited \(delay.inWords): the erased data is still in the store's log, which is being read by \(names)."
    }
}

extension HealthReport.Check {
    fileprivate init(_ name: String, _ state: ConnectionState, whenConnected text: String) {
        switch state {
        case .consuming: self.init(name, "Consuming.")
        case .connected: self.init(name, text)
        case .blocked(let reason): self.init(name, .fail, "RabbitMQ accepts no messages: \(reason)")
        case .disconnected(let reason): self.init(name, .fail, reason.map { "No connection to RabbitMQ. \($0)" } ?? "Not connected yet.")
        }
    }
}
