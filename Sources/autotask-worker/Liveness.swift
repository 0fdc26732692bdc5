import Operations
import Telemetry

/// Whether the loops of the worker go on: the answer of `/livez`. An outage of RabbitMQ or Autotask stops none of them.
struct Liveness {
    let pulses: Pulses

    var report: HealthReport {
        HealthReport(
            Pulse.Loop.allCases.map { loop in
                let age = pulses[loop].age
                guard age > Pulses.limit else { return HealthReport.Check(loop.rawValue, "It goes on.") }
                return .fail(loop.rawValue, "It has not turned for \(age.inWords). Restart the worker, and keep its log.")
            }
        )
    }
}
