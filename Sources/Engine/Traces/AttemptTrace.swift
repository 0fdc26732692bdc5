import Autotask
import Contract
import Store
import Telemetry

/// The trace of one attempt at a job: a span below the portal's, and spans for what the attempt does.
///
/// An attempt at a job that is not sampled has none. Its calls and events then carry the job's own `traceparent`.
struct AttemptTrace: Sendable {
    private let span: WorkerSpan
    /// The name of the place of such jobs, without the tenant.
    private let template: String
    /// The span's context, for events and for the log.
    let traceparent: String

    private init(_ span: WorkerSpan, _ template: String) {
        self.span = span
        self.template = template
        traceparent = span.spanContext.traceparent
    }

    /// Begins the trace of an attempt that begins.
    ///
    /// - Returns: `nil` if traces are off, or the job is not sampled. This costs less than a microsecond, and allocates nothing.
    static func begin(_ claim: LaneClaim, _ engine: EngineContext) -> AttemptTrace? {
        guard let tracer = engine.tracer else { return nil }
        let (job, lane) = (claim.job, claim.token.lane)
        let ids = AttemptIDs(of: job, in: lane)
        guard let (trace, parent) = ids.place(below: job.traceparent, tracer) else { return nil }
        let place = MessagePlace(of: job.kind, for: lane.tenant, engine.settings)
        let span = tracer.span(.process(template: place.template), in: trace, id: ids.spanID, below: parent)
        span.describe(place, operation: "process")
        span[.messageID] = .text(job.id.description)
        span[.tenant] = .text(lane.tenant.description)
        span[.product] = .text(lane.product.rawValue)
        span[.jobKind] = .text(job.kind.rawValue)
        span[.attempt] = .number(Int64(job.attempts))
        span[.isScheduled] = .truth(job.isScheduled)
        if job.interruptions > 0 { span[.interruptions] = .number(Int64(job.interruptions)) }
        if let revision = job.revision { span[.revision] = .number(revision) }
        if job.ordinal == 1 {
            span[.wait] = .fraction(max(engine.now - job.acceptedAt, .zero) / .seconds(1))
        } else {
            span.link(to: SpanContext(traceID: trace, spanID: ids.firstSpanID, flags: span.spanContext.flags))
        }
        return AttemptTrace(span, place.template)
    }

    /// Begins the span of a call to Autotask. Its context is what Autotask gets.
    func call(method: String, path: String?) -> WorkerSpan { span.child(.call(method: method, path: path)) }

    /// Records an operation of the store.
    ///
    /// - Parameter entries: the number of writes to Autotask that it records, before or after they are made.
    func store<Value>(
        _ operation: StaticString,
        entries: Int? = nil,
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let child = span.child(.store(operation: "\(operation)"))
        child[.databaseSystem] = "sqlite"
        child[.databaseOperation] = .text("\(operation)")
        if let entries { child[.journalEntries] = SpanRecord.Value(entries) }
        defer { child.end() }
        do { return try await body() } catch {
            child.fail(error.code.rawValue)
            throw error
        }
    }

    /// The attempt's outcome is in the store, or another worker has taken the lane over.
    ///
    /// An attempt that is put back counts as not begun. The attempt that follows has its id, so it becomes a part of that one, with its
    /// calls.
    func end(_ ended: EndedAttempt, of claim: LaneClaim, isStored: Bool) {
        let completion = ended.completion
        let attempt = completion.attempt
        span[.outcome] = .text(completion.isRepetition ? "postponed" : completion.word)
        span[.apiCalls] = .number(Int64(claim.job.apiCalls + attempt.apiCalls))
        if let failure = attempt.failure { span.fail(failure.code.rawValue) }
        if let next = attempt.notBefore {
            var facts: [SpanKey: SpanRecord.Value] = [.waitSeconds: .fraction((next - attempt.ended) / .seconds(1))]
            facts[.reason] = ended.holdReason.map { .text($0.rawValue) }
            span.note(.jobDeferred, facts)
        }
        if !isStored { span.fail(StoreError.Code.fenced.rawValue) }
        if case .postponed = attempt.ending {
            span[.reason] = ended.holdReason.map { .text($0.rawValue) }
            span.end(within: .putBack(template: template))
        } else {
            span.end()
        }
    }

    /// The store refused the attempt, and there is no outcome.
    func fail(_ error: StoreError) {
        span.fail(error.code.rawValue)
        span.end()
    }

    // MARK: What explains what follows

    /// A call was not made.
    ///
    /// - Parameter wait: how long calls are held back.
    func heldBack(_ operation: AutotaskOperation, _ reason: HoldReason, for wait: Duration) {
        span.note(
            .callHeldBack,
            [.operation: .text(operation.rawValue), .reason: .text(reason.rawValue), .waitSeconds: .fraction(wait / .seconds(1))]
        )
    }

    /// A call opened or closed a circuit breaker.
    func changed(_ change: CircuitBreakers.Change) {
        span.note(change.isClosed ? .breakerClosed : .breakerOpened, [.breakerScope: .text(BreakerScope(change.target).rawValue)])
    }
}
