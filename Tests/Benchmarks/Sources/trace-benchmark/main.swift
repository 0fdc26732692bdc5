// What traces cost a job, in nanoseconds: `swift run -c release --package-path Tests/Benchmarks trace-benchmark`.
//
// A job is its acceptance and an attempt with two events, and if it is sampled, two calls, a commit and two publications: an unchanged sync.

import OTLP
import Telemetry

/// Takes spans, and forgets them.
struct Nowhere: SpanSink {
    func accept(_ span: SpanRecord) {}
}

/// The steps that the engine makes for a job whose context is this.
@inline(never)
func job(_ traceparent: String, _ tracer: WorkerTracer?) -> Int {
    guard let tracer else { return 0 }
    var recorded = 0
    var context = traceparent
    if !tracer.ignores(traceparent), let parent = SpanContext(traceparent: traceparent), tracer.samples(parent) {
        let acceptance = tracer.span(.receive(template: "autotask.jobs:sync.{tenant}"), in: parent.traceID, below: parent, begunAt: batch)
        describe(acceptance)
        acceptance.end()
        recorded += 1
    }
    if !tracer.ignores(traceparent), let parent = SpanContext(traceparent: traceparent), tracer.samples(parent) {
        let attempt = tracer.span(.process(template: "autotask.jobs:sync.{tenant}"), in: parent.traceID, below: parent)
        describe(attempt)
        for _ in 0..<2 { call(attempt) }
        attempt.child(.store(operation: "complete")).end()
        attempt.end()
        context = attempt.spanContext.traceparent
        recorded += 4
    }
    for _ in 0..<2 {
        guard !tracer.ignores(context), let parent = SpanContext(traceparent: context), tracer.samples(parent) else { continue }
        let publication = tracer.span(.publish(template: "autotask.results:sync.succeeded.{tenant}"), in: parent.traceID, below: parent)
        describe(publication)
        publication.end()
        recorded += 1
    }
    return recorded
}

func describe(_ span: WorkerSpan) {
    span[.messagingSystem] = "rabbitmq"
    span[.messagingOperation] = "process"
    span[.messagingOperationType] = "process"
    span[.destination] = "autotask.jobs:sync.msp-4711"
    span[.destinationTemplate] = "autotask.jobs:sync.{tenant}"
    span[.routingKey] = "sync.msp-4711"
    span[.messageID] = "0193b0a2-7c1e-7d0a-9a44-0f3b1c2d4e5f"
    span[.tenant] = "msp-4711"
    span[.product] = "workplace"
    span[.jobKind] = "sync"
}

func call(_ attempt: WorkerSpan) {
    let span = attempt.child(.call(method: "POST", path: "Services/query"))
    span[.httpMethod] = "POST"
    span[.url] = "https://webservices14.autotask.net/atservicesrest/V1.0/Services/query"
    span[.urlTemplate] = "Services/query"
    span[.host] = "webservices14.autotask.net"
    span[.port] = .number(443)
    span[.httpStatus] = .number(200)
    span.end()
}

/// Runs a step often, five times, and prints the best time of one.
func measure(_ name: String, _ count: Int, _ step: () -> Int) {
    var best = Duration.seconds(1000)
    var result = 0
    for _ in 0..<5 {
        let begun = ContinuousClock.now
        for _ in 0..<count { result &+= step() }
        best = min(best, .now - begun)
    }
    let nanoseconds = Double(best.nanoseconds) / Double(count)
    print("\(name): \(Double(Int(nanoseconds * 10)) / 10) ns\(result < 0 ? "!" : "")")
}

let sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
let tracer = WorkerTracer(sampler: Sampler(.always, followsParent: true), sink: Nowhere())
let collection = Collected()
/// The clock is read once for a batch of jobs that intake accepts.
let batch = tracer.now

final class Collected: SpanSink, @unchecked Sendable {
    // One thread uses it.
    var spans: [SpanRecord] = []

    func accept(_ span: SpanRecord) { spans.append(span) }
}

measure("a job, traces off", 10_000_000) { job(sampled, nil) }
measure("a job that is not sampled", 5_000_000) { job(unsampled, tracer) }
measure("a job that is sampled, 7 spans", 100_000) { job(sampled, tracer) }

let recorder = WorkerTracer(sampler: Sampler(.always, followsParent: true), sink: collection)
while collection.spans.count < 510 { _ = job(sampled, recorder) }
measure("the request for \(collection.spans.count) spans", 200) {
    TraceRequest.body(of: collection.spans, resource: [("service.name", "autotask-worker")], scope: ("autotask-worker", "0.1.0")).count
}
