package import Metrics

/// Where the parts of a worker record what they do: metrics, the pulses of their loops, and spans.
package struct Instruments: Sendable {
    package let metrics: any MetricsFactory
    package let pulses: Pulses
    /// `nil` if traces are off.
    package let tracer: WorkerTracer?

    package init(metrics: any MetricsFactory, pulses: Pulses = Pulses(), tracer: WorkerTracer? = nil) {
        self.metrics = metrics
        self.pulses = pulses
        self.tracer = tracer
    }

    /// Records nothing. For commands, and for tests that look at something else.
    package static let none = Instruments(metrics: NOOPMetricsHandler.instance)
}
