import RecordedSpans
import Telemetry
import Testing

/// Which spans are recorded.
struct SamplerTests {
    private let trace = SpanContext.parent.traceID

    @Test(arguments: [Sampler.Rule.always, .never, .ratio(0), .ratio(1)])
    func `a sampler that follows parents decides only where there is none`(rule: Sampler.Rule) {
        let sampler = Sampler(rule, followsParent: true)
        #expect(sampler.samples(trace, parent: .parent))
        #expect(!sampler.samples(trace, parent: .unsampledParent))
        #expect(sampler.samples(trace, parent: nil) == (rule == .always || rule == .ratio(1)))
    }

    @Test(arguments: [Sampler.Rule.always, .never, .ratio(0), .ratio(1)])
    func `a sampler that follows no parents decides the same with any`(rule: Sampler.Rule) {
        let sampler = Sampler(rule, followsParent: false)
        for parent in [SpanContext.parent, .unsampledParent, nil] {
            #expect(sampler.samples(trace, parent: parent) == (rule == .always || rule == .ratio(1)))
        }
    }

    @Test func `a ratio is the share of traces, which their ids decide`() {
        let ids = RandomSpanIDs()
        let traces = (0..<10_000).map { _ in SpanContext.TraceID(high: ids.spanID(), low: ids.spanID()) }
        let (quarter, half) = (Sampler(.ratio(0.25), followsParent: true), Sampler(.ratio(0.5), followsParent: true))
        let chosen = traces.filter { quarter.samples($0, parent: nil) }
        // Twelve standard deviations on each side.
        #expect((1980...3020).contains(chosen.count))
        #expect(chosen.allSatisfy { half.samples($0, parent: nil) })
    }

    /// The rule of OpenTelemetry's SDKs, so that services with one ratio choose the same traces.
    @Test func `the last 63 bits of a trace's id decide`() {
        let sampler = Sampler(.ratio(0.5), followsParent: false)
        for (low, isSampled) in [(0, true), (0x7FFF_FFFF_FFFF_F000, true), (0x8000_0000_0000_0000, false), (UInt64.max, false)] {
            #expect(sampler.samples(SpanContext.TraceID(high: .max, low: low), parent: nil) == isSampled)
        }
    }
}
