import AMQP
import Engine
import Operations
import SQLiteStore

/// Whether the worker can do its work now: what `/readyz` answers.
struct Readiness {
    let store: SQLiteStore
    let engine: Engine
    let publisher: Publisher
    let consumer: Consumer
    let clock: ClockWatch

    var report: HealthReport {
        HealthReport([
            HealthReport.Check("store", store.trouble),
            engine.holdsLease
                ? HealthReport.Check("lease", "This worker holds its lease.")
                : HealthReport.Check("lease", .fail, "This worker's lease is over: it has not reached the store in time."),
            HealthReport.Check("jobs", consumer.state, whenConnected: "Connected; another worker takes the jobs, or the door is closed."),
            HealthReport.Check("results", publisher.state, whenConnected: "Connected."),
            clock.trouble.map { HealthReport.Check("clock", .fail, $0) }
                ?? HealthReport.Check("clock", "The machine's clock is as it was when the worker started."),
        ])
    }
}

extension HealthReport.Check {
    fileprivate init(_ name: String, _ trouble: (some Error & CustomStringConvertible)?) {
        if let trouble { self.init(name, .fail, "\(trouble)") } else { self.init(name, "The store works.") }
    }

    fileprivate init(_ name: String, _ state: ConnectionState, whenConnected text: String) {
        switch state {
        case .consuming: self.init(name, "Consuming.")
        case .connected: self.init(name, text)
        case .blocked(let reason): self.init(name, .fail, "RabbitMQ takes nothing: \(reason)")
        case .disconnected(let reason): self.init(name, .fail, reason.map { "No connection to RabbitMQ. \($0)" } ?? "Not connected yet.")
        }
    }
}
