import Synchronization
package import Telemetry

/// Keeps spans that end.
package final class SpanCollection: SpanSink {
    private let kept = Mutex<[SpanRecord]>([])

    package init() {}

    package var spans: [SpanRecord] { kept.withLock { $0 } }

    package func accept(_ span: SpanRecord) { kept.withLock { $0.append(span) } }
}

extension WorkerTracer {
    /// A tracer with ids and times of its own.
    package static func test(_ sampler: Sampler = Sampler(.always, followsParent: true), to sink: SpanCollection) -> WorkerTracer {
        WorkerTracer(sampler: sampler, sink: sink, ids: CountedSpanIDs(), clock: CountedClock().read)
    }
}

extension SpanContext {
    package static let parent = SpanContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")!
    package static let unsampledParent = SpanContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")!
}
