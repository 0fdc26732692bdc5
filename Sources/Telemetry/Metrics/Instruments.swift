package import Metrics

/// Where the parts of a worker record what they do: metrics, and the pulses of their loops.
package struct Instruments: Sendable {
    package let metrics: any MetricsFactory
    package let pulses: Pulses

    package init(metrics: any MetricsFactory, pulses: Pulses = Pulses()) {
        self.metrics = metrics
        self.pulses = pulses
    }

    /// Records nothing. For commands, and for tests that look at something else.
    package static let none = Instruments(metrics: NOOPMetricsHandler.instance)
}
