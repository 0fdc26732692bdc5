import Synchronization
package import Tracing

/// Begins spans, and gives those that are recorded to a sink when they end.
///
/// The worker's own parts use ``span(_:in:id:below:begunAt:)`` and its like, which cost nothing for a job that is not sampled. Libraries use it as any
/// `Tracer`, with the parent from their `ServiceContext`.
package final class WorkerTracer: Tracer {
    package typealias Span = WorkerSpan

    let sink: any SpanSink
    private let sampler: Sampler
    private let ids: any SpanIDs
    private let clock: @Sendable () -> UInt64

    /// - Parameters:
    ///   - sampler: decides which spans are recorded.
    ///   - sink: takes spans when they end.
    ///   - ids: where the ids of spans come from.
    ///   - clock: nanoseconds since 1970, which never go back.
    package init(
        sampler: Sampler,
        sink: any SpanSink,
        ids: any SpanIDs = RandomSpanIDs(),
        clock: @escaping @Sendable () -> UInt64 = WorkerTracer.steadyClock()
    ) {
        self.sampler = sampler
        self.sink = sink
        self.ids = ids
        self.clock = clock
    }

    /// The machine's time at the start, and elapsed time from then on: a span keeps its length when the machine's clock is set.
    package static func steadyClock() -> @Sendable () -> UInt64 {
        let (start, instant) = (DefaultTracerClock.now.nanosecondsSinceEpoch, ContinuousClock.now)
        return { start + UInt64((ContinuousClock.now - instant).nanoseconds) }
    }

    package var now: UInt64 { clock() }

    // MARK: For the worker

    /// Whether a `traceparent` says, without being read in full, that nothing below it is recorded. Most are such, so ask this first.
    package func ignores(_ traceparent: String) -> Bool { sampler.followsParent && SpanContext.isUnsampled(traceparent: traceparent) }

    /// Whether spans below the span of another process are recorded. It allocates nothing.
    package func samples(_ parent: SpanContext) -> Bool { sampler.samples(parent.traceID, parent: parent) }

    /// Whether a trace that begins here is recorded.
    package func samples(_ trace: SpanContext.TraceID) -> Bool { sampler.samples(trace, parent: nil) }

    /// Begins a recorded span below one of another process, or one that begins a trace. Ask `samples` first.
    ///
    /// - Parameters:
    ///   - name: the name, which also decides the kind.
    ///   - trace: the trace's id.
    ///   - id: the span's id; `nil` for a new one.
    ///   - parent: the other process's span; `nil` for the first span of a trace.
    ///   - start: when it began, by ``now``; `nil` for the present.
    package func span(
        _ name: SpanName,
        in trace: SpanContext.TraceID,
        id: UInt64? = nil,
        below parent: SpanContext?,
        begunAt start: UInt64? = nil
    ) -> WorkerSpan {
        let context = SpanContext(traceID: trace, spanID: id ?? ids.spanID(), flags: (parent?.flags ?? 0) | SpanContext.sampled)
        return begin(name.text, name.kind, context, parent: parent, isRemote: true, at: start ?? now)
    }

    func child(of parent: SpanContext, _ name: SpanName) -> WorkerSpan {
        begin(name.text, name.kind, context(below: parent), parent: parent, isRemote: false, at: now)
    }

    /// A new identity below a span of this process.
    func context(below parent: SpanContext) -> SpanContext {
        SpanContext(traceID: parent.traceID, spanID: ids.spanID(), flags: parent.flags)
    }

    private func begin(
        _ name: String,
        _ kind: SpanKind,
        _ context: SpanContext,
        parent: SpanContext?,
        isRemote: Bool,
        at start: UInt64,
        in surroundings: ServiceContext = .topLevel
    ) -> WorkerSpan {
        WorkerSpan(
            name,
            kind,
            context,
            parent: parent,
            isParentRemote: isRemote,
            isRecording: context.isSampled,
            start: start,
            in: surroundings,
            of: self
        )
    }

    // MARK: For libraries

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> WorkerSpan {
        let surroundings = context()
        let parent = surroundings.spanContext
        let trace = parent?.traceID ?? SpanContext.TraceID(high: ids.spanID(), low: ids.spanID())
        let flags = sampler.samples(trace, parent: parent) ? SpanContext.sampled : 0
        let own = SpanContext(traceID: trace, spanID: ids.spanID(), flags: (parent?.flags ?? 0) & ~SpanContext.sampled | flags)
        return begin(operationName, kind, own, parent: parent, isRemote: false, at: instant().nanosecondsSinceEpoch, in: surroundings)
    }

    /// Spans leave as they end: there is nothing to flush here.
    package func forceFlush() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        if let text = extractor.extract(key: "traceparent", from: carrier) { context.spanContext = SpanContext(traceparent: text) }
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        if let span = context.spanContext { injector.inject(span.traceparent, forKey: "traceparent", into: &carrier) }
    }
}

/// Where the ids of spans come from. Tests bring their own.
package protocol SpanIDs: Sendable {
    /// Not zero.
    func spanID() -> UInt64
}

/// Random ids. The system is asked once, since each request is a system call: ids are no secrets.
package final class RandomSpanIDs: SpanIDs {
    private let state: Mutex<UInt64>

    package init() { state = Mutex(UInt64.random(in: .min ... .max)) }

    package func spanID() -> UInt64 {
        state.withLock { state in
            // SplitMix64.
            state &+= 0x9E37_79B9_7F4A_7C15
            return state.scrambled | (state.scrambled == 0 ? 1 : 0)
        }
    }
}

extension UInt64 {
    /// The number with its bits scattered: no two numbers have the same result.
    package var scrambled: UInt64 {
        var mixed = self
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
