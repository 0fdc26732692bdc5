import Contract
import RecordedSpans
import Telemetry

/// The traces of a run: the contexts that portals give their jobs, and the spans that workers record.
struct SimulatedTraces: Sendable {
    private let spans = SpanCollection()

    /// For a worker. The ids and times of spans do not depend on chance, so a seed repeats its run.
    let instruments: Instruments

    init() { instruments = Instruments(metrics: Instruments.none.metrics, tracer: .test(to: spans)) }

    /// A third of the jobs is sampled by its portal, a third is not, and a third has no context.
    static func traceparent(of id: String) -> String? {
        let number = id.utf8.reduce(1) { ($0 &* 31 &+ UInt64($1)).scrambled }
        guard number % 3 < 2 else { return nil }
        let trace = SpanContext.TraceID(high: number, low: 1)
        return SpanContext(traceID: trace, spanID: number.scrambled | 1, flags: UInt8(number % 3)).traceparent
    }

    /// What is wrong with the spans of the run, and with the contexts of its events.
    func violations(_ events: [Event]) -> [String] {
        var violations: [String] = []
        let ids = spans.spans.map { "\($0.context.traceID.hexadecimal) \($0.context.spanID)" }
        if Set(ids).count != ids.count { violations.append("Two spans of a trace have one id.") }
        if spans.spans.contains(where: { !$0.context.isSampled }) { violations.append("A span was recorded that is not sampled.") }
        for event in events {
            guard let job = event.redriveOf ?? event.jobID, let own = SimulatedTraces.traceparent(of: job.description) else { continue }
            let (given, carried) = (SpanContext(traceparent: own), event.traceparent.flatMap { SpanContext(traceparent: $0) })
            if carried?.traceID != given?.traceID || carried?.flags != given?.flags {
                violations.append("\(event.type.rawValue) of \(job) has left the job's trace.")
            }
            if given?.isSampled == false, carried != given {
                violations.append("\(event.type.rawValue) of \(job), which is not sampled, has another parent.")
            }
        }
        return violations
    }
}
