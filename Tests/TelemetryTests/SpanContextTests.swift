import Telemetry
import Testing

/// What a `traceparent` says, and its form.
struct SpanContextTests {
    @Test func `a traceparent is read, and written as it was`() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = try #require(SpanContext(traceparent: text))
        #expect(context.traceID == SpanContext.TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
        #expect(context.spanID == 0x00f0_67aa_0ba9_02b7 && context.flags == 1 && context.isSampled)
        #expect(context.traceparent == text)
    }

    @Test func `only the lowest flag says that a span is sampled, and the others stay`() throws {
        let context = try #require(SpanContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-f2"))
        #expect(!context.isSampled && context.traceparent.hasSuffix("-f2"))
    }

    @Test(
        arguments: [
            "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g", "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        ]
    )
    func `another text is no traceparent`(text: String) {
        #expect(SpanContext(traceparent: text) == nil)
    }

    @Test func `whether a traceparent is not sampled is seen without reading it in full`() throws {
        for flags in ["00", "01", "02", "03", "f2", "ff"] {
            let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\(flags)"
            let context = try #require(SpanContext(traceparent: text))
            #expect(SpanContext.isUnsampled(traceparent: text) == !context.isSampled)
        }
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
        for text in ["", "01-\(ids)-00", "00-\(ids)-0g"] { #expect(!SpanContext.isUnsampled(traceparent: text)) }
    }

    @Test func `numbers have sixteen digits`() {
        #expect(UInt64(0).hexadecimal == "0000000000000000" && UInt64.max.hexadecimal == "ffffffffffffffff")
        #expect(UInt64(0xA1).hexadecimal == "00000000000000a1")
    }
}
