import RecordedSpans
import Telemetry
import Testing
import Tracing

/// Spans, as the worker and as libraries make them.
struct WorkerTracerTests {
    private let sink = SpanCollection()

    @Test func `a span has its parent's trace, an id of its own, and its children below it`() throws {
        let tracer = WorkerTracer.test(to: sink)
        let span = tracer.span(.process(template: "jobs"), in: SpanContext.parent.traceID, below: .parent)
        let child = span.child(.store(operation: "complete"))
        child.fail("unavailable")
        child.end()
        span[.tenant] = "acme"
        span.end()
        try #require(sink.spans.map(\.name) == ["store complete", "process jobs"])
        let (inner, outer) = (sink.spans[0], sink.spans[1])
        #expect(outer.parent == .parent && outer.isParentRemote && outer.kind == .consumer && !outer.hasFailed)
        #expect(outer.context.traceID == SpanContext.parent.traceID && outer.context.spanID != SpanContext.parent.spanID)
        #expect(outer.attributes == [.tenant: "acme"])
        #expect(inner.parent == outer.context && !inner.isParentRemote && inner.kind == .client)
        #expect(inner.hasFailed && inner.attributes == [.errorType: "unavailable"])
        #expect(outer.start < inner.start && inner.start < inner.end && inner.end < outer.end)
    }

    @Test func `a span ends once, and does not change afterwards`() {
        let span = WorkerTracer.test(to: sink).span(.publish(template: "x"), in: SpanContext.parent.traceID, below: nil)
        span.end()
        span[.tenant] = "late"
        span.fail("late")
        span.end()
        #expect(sink.spans.count == 1 && sink.spans[0].attributes.isEmpty && span[.tenant] == nil)
    }

    @Test func `a clock that goes back makes no negative span`() {
        let clock = CountedClock(500, step: .max - 99)
        let tracer = WorkerTracer(sampler: Sampler(.always, followsParent: true), sink: sink, ids: CountedSpanIDs(), clock: clock.read)
        tracer.span(.publish(template: "x"), in: SpanContext.parent.traceID, below: nil).end()
        #expect(sink.spans.map(\.start) == [400] && sink.spans.map(\.end) == [400])
    }

    @Test func `the worker's events have a time within the span, and come no more after its end`() throws {
        let span = WorkerTracer.test(to: sink).span(.process(template: "jobs"), in: SpanContext.parent.traceID, below: nil)
        span.note(.callHeldBack, [.reason: "quota", .waitSeconds: .fraction(1.5)])
        span.end()
        span.note(.jobDeferred)
        let ended = try #require(sink.spans.first)
        #expect(ended.events.map(\.name) == ["call.held_back"] && ended.start < ended.events[0].time && ended.events[0].time < ended.end)
        #expect(ended.events[0].attributes == [.reason: "quota", .waitSeconds: .fraction(1.5)])
    }

    @Test func `a span that began before now has that time`() {
        let tracer = WorkerTracer.test(to: sink)
        let begun = tracer.now
        tracer.span(.receive(template: "jobs"), in: SpanContext.parent.traceID, below: nil, begunAt: begun).end()
        #expect(sink.spans.map(\.start) == [begun] && sink.spans[0].end > begun && sink.spans[0].kind == .client)
    }

    @Test func `a span whose identity another takes becomes a part of that one`() throws {
        let tracer = WorkerTracer.test(to: sink)
        let span = tracer.span(.process(template: "jobs"), in: SpanContext.parent.traceID, id: 77, below: .parent)
        span.link(to: .parent)
        span[.tenant] = "acme"
        span.note(.breakerOpened)
        span.end(within: .putBack(template: "jobs"))
        span.end()
        let part = try #require(sink.spans.first)
        #expect(sink.spans.count == 1 && part.name == "put back jobs" && part.kind == .internal && part.links.isEmpty)
        #expect(part.parent == span.spanContext && !part.isParentRemote && part.context.spanID != 77)
        #expect(part.context.traceID == span.spanContext.traceID && part.context.flags == span.spanContext.flags)
        #expect(part.attributes == [.tenant: "acme"] && part.events.map(\.name) == ["breaker.opened"])
    }

    @Test(arguments: [true, false])
    func `what its sampler drops because of the parent is ignored early, and nothing else`(followsParent: Bool) {
        let tracer = WorkerTracer.test(Sampler(.always, followsParent: followsParent), to: sink)
        for parent in [SpanContext.parent, .unsampledParent] {
            #expect(tracer.ignores(parent.traceparent) == !tracer.samples(parent))
        }
    }

    // MARK: Libraries

    @Test func `a library's span is below the current one, and its values are kept only under known names`() throws {
        let tracer = WorkerTracer.test(to: sink)
        var context = ServiceContext.topLevel
        context.spanContext = .parent
        tracer.withSpan("handle", context: context, ofKind: .server) { outer in
            outer.attributes["http.request.method"] = "GET"
            outer.attributes["http.request.body"] = "secret"
            outer.attributes["url.full"] = SpanAttribute.stringArray(["a", "b"])
            outer.attributes["server.port"] = 443
            outer.setStatus(SpanStatus(code: .error, message: "the secret is wrong"))
            outer.addEvent(SpanEvent(name: "retry", attributes: ["http.response.status_code": 503, "text": "secret"]))
            tracer.withSpan("inner") { _ in }
        }
        let (inner, outer) = (sink.spans[0], sink.spans[1])
        #expect(outer.name == "handle" && outer.parent == .parent && inner.parent == outer.context)
        #expect(outer.attributes == [.httpMethod: "GET", .port: .number(443)])
        #expect(outer.hasFailed && outer.events.map(\.name) == ["retry"])
        #expect(outer.events.map(\.attributes) == [[.httpStatus: .number(503)]])
    }

    @Test func `a library's error leaves its type, and not its text`() {
        struct Leak: Error, CustomStringConvertible { let description = "secret" }
        let tracer = WorkerTracer.test(to: sink)
        #expect(throws: Leak.self) { try tracer.withSpan("x") { _ in throw Leak() } }
        #expect(sink.spans.map(\.attributes) == [[.errorType: "Leak"]] && sink.spans[0].hasFailed)
    }

    @Test func `a library's span that is not sampled is not recorded, and hands on the decision`() throws {
        let tracer = WorkerTracer.test(to: sink)
        var context = ServiceContext.topLevel
        context.spanContext = .unsampledParent
        tracer.withSpan("x", context: context) { span in
            #expect(!span.isRecording)
            span.attributes["http.request.method"] = "GET"
            #expect(span.context.spanContext?.traceID == SpanContext.parent.traceID)
            #expect(span.context.spanContext?.isSampled == false && span.context.spanContext?.spanID != SpanContext.parent.spanID)
        }
        #expect(sink.spans.isEmpty)
    }

    @Test func `the context of a span goes into a message and comes out of it`() {
        let tracer = WorkerTracer.test(to: sink)
        var context = ServiceContext.topLevel
        context.spanContext = .parent
        var headers: [String: String] = [:]
        tracer.inject(context, into: &headers, using: Headers())
        #expect(headers == ["traceparent": SpanContext.parent.traceparent])
        var extracted = ServiceContext.topLevel
        tracer.extract(headers, into: &extracted, using: Headers())
        #expect(extracted.spanContext == .parent)
        tracer.extract(["traceparent": "x"], into: &extracted, using: Headers())
        #expect(extracted.spanContext == nil)
    }

    @Test func `random ids differ and are not zero`() {
        let ids = RandomSpanIDs()
        let drawn = (0..<10_000).map { _ in ids.spanID() }
        #expect(Set(drawn).count == drawn.count && !drawn.contains(0))
        // Each process begins elsewhere.
        let first = (0..<3).map { _ in RandomSpanIDs().spanID() }
        #expect(Set(first).count == 3)
    }
}

private struct Headers: Extractor, Injector {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}
