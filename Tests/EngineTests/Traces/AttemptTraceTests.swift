import Autotask
import AutotaskModel
import Contract
import Logging
import RecordedSpans
import Store
import Telemetry
import Testing

@testable import Engine

/// What the trace of one attempt records.
struct AttemptTraceTests {
    private let bench = Workbench()
    private let sink = SpanCollection()
    private let tracer: WorkerTracer

    init() { tracer = .test(to: sink) }

    private func claim(traceparent: String? = SpanContext.parent.traceparent, attempts: Int = 1) -> LaneClaim {
        let job = QueuedJob(
            order: 1,
            id: JobID("job-1")!,
            kind: .sync,
            acceptedAt: bench.clock.now,
            traceparent: traceparent,
            attempts: attempts
        )
        let token = ClaimToken(lane: bench.lane, worker: WorkerID("worker-1"), fence: 1, order: job.order)
        return LaneClaim(token: token, job: job, sealedPayload: [], mode: .work, state: LaneState(epoch: 1))
    }

    private func begin(_ claim: LaneClaim, isTracing: Bool = true) -> AttemptTrace? {
        let engine = EngineContext(
            vault: bench.vault,
            settings: bench.settings,
            sink: bench.sink,
            worker: bench.worker,
            clock: bench.clock,
            entropy: SeededEntropy(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            instruments: isTracing ? Instruments(metrics: Instruments.none.metrics, tracer: tracer) : .none
        )
        return AttemptTrace.begin(claim, engine)
    }

    private func ended(_ ending: Attempt.Ending, _ reason: HoldReason? = nil) -> EndedAttempt {
        EndedAttempt(completion: Completion(Attempt(ended: bench.clock.now, ending, apiCalls: 2), events: []), holdReason: reason)
    }

    @Test func `without traces, and for a job that is not sampled, there is nothing to record in`() {
        #expect(begin(claim(), isTracing: false) == nil)
        #expect(begin(claim(traceparent: SpanContext.unsampledParent.traceparent)) == nil)
        #expect(sink.spans.isEmpty)
    }

    @Test func `an attempt that is put back is a part of the one that follows, with its calls`() throws {
        let claim = claim()
        let trace = try #require(begin(claim))
        trace.call(method: "POST", path: "/V1.0/Services/query").end()
        trace.end(ended(.postponed), of: claim, isStored: true)
        let following = try #require(begin(claim))
        following.end(ended(.finished(nil)), of: claim, isStored: true)
        let place = "autotask.jobs:sync.{tenant}"
        try #require(sink.spans.map(\.name) == ["POST /V1.0/Services/query", "put back \(place)", "process \(place)"])
        let (call, putBack, attempt) = (sink.spans[0], sink.spans[1], sink.spans[2])
        #expect(putBack.parent == attempt.context && call.parent == attempt.context && attempt.parent == .parent)
        #expect(putBack.start < call.start && call.end < putBack.end && putBack.end < attempt.start)
        #expect(putBack.attributes[.outcome] == "postponed" && putBack.attributes[.messageID] == "job-1" && !putBack.hasFailed)
        #expect(putBack.attributes[.apiCalls] == .number(2) && putBack.attributes[.reason] == nil)
        #expect(Set(sink.spans.map(\.context.spanID)).count == 3)
    }

    @Test func `a later attempt that is put back has no link, and says why`() throws {
        let claim = claim(attempts: 2)
        try #require(begin(claim)).end(ended(.postponed, .databaseFull), of: claim, isStored: true)
        #expect(sink.spans.map(\.attributes[.reason]) == ["database_full"] && sink.spans[0].links.isEmpty)
    }

    @Test func `a call that is held back and breakers are events`() throws {
        let claim = claim()
        let trace = try #require(begin(claim))
        trace.heldBack(.queryServices, .outage, for: .milliseconds(2500))
        trace.changed(CircuitBreakers.Change(target: .zone(host: "webservices14.autotask.net"), isClosed: false, isLimiting: false))
        trace.changed(CircuitBreakers.Change(target: .credentials([1, 2, 3]), isClosed: true, isLimiting: false))
        let next = bench.clock.now + .seconds(5)
        trace.end(ended(.deferred(until: next, because: JobError(.autotaskUnavailable), counts: false), .outage), of: claim, isStored: true)
        let events = try #require(sink.spans.first).events
        #expect(events.map(\.name) == ["call.held_back", "breaker.opened", "breaker.closed", "job.deferred"])
        #expect(events[0].attributes == [.operation: "queryServices", .reason: "outage", .waitSeconds: .fraction(2.5)])
        #expect(events[1].attributes == [.breakerScope: "zone"] && events[2].attributes == [.breakerScope: "credentials"])
        #expect(events[3].attributes == [.reason: "outage", .waitSeconds: .fraction(5)])
    }

    @Test func `the gate records the call that opens a breaker, and the one that it then holds back`() async throws {
        let claim = claim()
        let trace = try #require(begin(claim))
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .status(500), .status(500), .status(500))
        let query = ServiceQuery(ids: [1], markerField: nil)
        for _ in 0..<4 {
            let session = try TenantSession(bench.context(.sync, state: state, trace: trace))
            await #expect(throws: CallFailure.self) { _ = try await session.services(query) }
        }
        trace.end(ended(.finished(nil)), of: claim, isStored: true)
        let events = try #require(sink.spans.last).events
        #expect(events.map(\.name) == ["breaker.opened", "call.held_back"])
        #expect(events[0].attributes == [.breakerScope: "database"])
        #expect(events[1].attributes[.operation] == "queryServices" && events[1].attributes[.reason] == "outage")
        guard case .fraction(let wait) = events[1].attributes[.waitSeconds] else {
            Issue.record("The event has no wait.")
            return
        }
        #expect(wait > 0 && wait <= 10)
    }

    @Test func `an attempt whose outcome another worker's takeover prevented has failed`() throws {
        let claim = claim()
        try #require(begin(claim)).end(ended(.postponed), of: claim, isStored: false)
        #expect(sink.spans.map(\.attributes[.errorType]) == ["fenced"] && sink.spans[0].hasFailed)
    }
}
