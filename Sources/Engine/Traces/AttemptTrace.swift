import Contract
import Store
import Telemetry

/// The trace of one attempt at a job: a span below the portal's, and spans for what the attempt does.
///
/// An attempt at a job that is not sampled has none. Its calls and events then carry the job's own `traceparent`.
struct AttemptTrace: Sendable {
    private let span: WorkerSpan
    /// The span's context, for events and for the log.
    let traceparent: String

    private init(_ span: WorkerSpan) {
        self.span = span
        traceparent = span.spanContext.traceparent
    }

    /// Begins the trace of an attempt that begins.
    ///
    /// - Returns: `nil` if traces are off, or the job is not sampled. This costs less than a microsecond, and allocates nothing.
    static func begin(_ claim: LaneClaim, _ engine: EngineContext) -> AttemptTrace? {
        guard let tracer = engine.tracer else { return nil }
        let job = claim.job
        let parent = job.traceparent.flatMap { SpanContext(traceparent: $0) }
        if let parent, !tracer.samples(parent) { return nil }
        let ids = AttemptIDs(of: job, in: claim.token.lane)
        let trace = parent?.traceID ?? ids.traceID
        guard parent != nil || tracer.samples(trace) else { return nil }
        let lane = claim.token.lane
        let place = MessagePlace(exchange: "\(engine.settings.exchangePrefix).jobs", key: job.kind.rawValue, tenant: lane.tenant)
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
        return AttemptTrace(span)
    }

    /// Begins the span of a call to Autotask. Its context is what Autotask gets.
    func call(method: String, path: String?) -> WorkerSpan { span.child(.call(method: method, path: path)) }

    /// Records an operation of the store.
    func store<Value>(
        _ operation: StaticString,
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let child = span.child(.store(operation: "\(operation)"))
        child[.databaseSystem] = "sqlite"
        child[.databaseOperation] = .text("\(operation)")
        defer { child.end() }
        do { return try await body() } catch {
            child.fail(error.code.rawValue)
            throw error
        }
    }

    /// The attempt's outcome is in the store, or another worker has taken the lane over.
    ///
    /// An attempt that is put back counts as not begun, and gets no span: its calls belong to the attempt that follows, which has its id.
    func end(_ ended: EndedAttempt, of claim: LaneClaim, isStored: Bool) {
        let completion = ended.completion
        if case .postponed = completion.attempt.ending { return }
        span[.outcome] = .text(completion.isRepetition ? "postponed" : completion.word)
        span[.apiCalls] = .number(Int64(claim.job.apiCalls + completion.attempt.apiCalls))
        if let failure = completion.attempt.failure { span.fail(failure.code.rawValue) }
        if !isStored { span.fail(StoreError.Code.fenced.rawValue) }
        span.end()
    }

    /// The store refused the attempt, and there is no outcome.
    func fail(_ error: StoreError) {
        span.fail(error.code.rawValue)
        span.end()
    }
}

/// The identity of an attempt's spans, which follows from the job: a later attempt knows the first one's without asking the store, and all
/// attempts at a job that has no `traceparent` share a trace.
struct AttemptIDs {
    private let lane: Lane
    private let job: QueuedJob

    init(of job: QueuedJob, in lane: Lane) {
        self.job = job
        self.lane = lane
    }

    var traceID: SpanContext.TraceID { SpanContext.TraceID(high: hash(.traceHigh), low: hash(.traceLow)) }
    var spanID: UInt64 { hash(.span(job.ordinal)) }
    var firstSpanID: UInt64 { hash(.span(1)) }

    private enum Purpose {
        case traceHigh
        case traceLow
        case span(Int)

        var number: UInt64 {
            switch self {
            case .traceHigh: 1 << 62
            case .traceLow: 2 << 62
            case .span(let ordinal): UInt64(ordinal)
            }
        }
    }

    /// FNV-1a, which every worker computes alike, unlike `Hasher`. Ids of scheduled checks repeat, their times do not.
    private func hash(_ purpose: Purpose) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            // A byte that no text has.
            hash = hash &* 0x100_0000_01B3
        }
        add(lane.tenant.description)
        add(lane.product.rawValue)
        add(job.id.description)
        hash = (hash ^ UInt64(bitPattern: job.acceptedAt.millisecondsSinceEpoch)).scrambled
        return max((hash ^ purpose.number).scrambled, 1)
    }
}

extension QueuedJob {
    /// The number of the attempt that has begun, from 1. It rises with each attempt but those that are put back.
    fileprivate var ordinal: Int { attempts + interruptions + heldUp }
}
