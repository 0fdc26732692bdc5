import Synchronization
package import Tracing

/// A span under way. One that is not recorded only hands on its context.
package final class WorkerSpan: Tracing.Span {
    /// The most events and links of a span; further ones are dropped.
    private static let limit = 32

    private struct State {
        var name: String
        var attributes: [SpanKey: SpanRecord.Value] = [:]
        var events: [SpanRecord.Event] = []
        var links: [SpanContext] = []
        var hasFailed = false
        var hasEnded = false
    }

    package let spanContext: SpanContext
    package let isRecording: Bool
    private let parent: SpanContext?
    private let isParentRemote: Bool
    private let kind: SpanKind
    private let start: UInt64
    private let surroundings: ServiceContext
    private let tracer: WorkerTracer
    private let state: Mutex<State>

    init(
        _ name: String,
        _ kind: SpanKind,
        _ spanContext: SpanContext,
        parent: SpanContext?,
        isParentRemote: Bool,
        isRecording: Bool,
        start: UInt64,
        in surroundings: ServiceContext,
        of tracer: WorkerTracer
    ) {
        self.spanContext = spanContext
        self.isRecording = isRecording
        self.parent = parent
        self.isParentRemote = isParentRemote
        self.kind = kind
        self.start = start
        self.surroundings = surroundings
        self.tracer = tracer
        state = Mutex(State(name: name))
    }

    // MARK: For the worker

    package subscript(key: SpanKey) -> SpanRecord.Value? {
        get { state.withLock { $0.attributes[key] } }
        set { change { $0.attributes[key] = newValue } }
    }

    /// - Parameter code: the code of an error.
    package func fail(_ code: String) {
        change { state in
            state.hasFailed = true
            state.attributes[.errorType] = .text(code)
        }
    }

    package func link(to other: SpanContext) {
        change { state in
            if state.links.count < WorkerSpan.limit { state.links.append(other) }
        }
    }

    /// Begins a span within this one.
    package func child(_ name: SpanName) -> WorkerSpan { tracer.child(of: spanContext, name) }

    /// Records that something happened now.
    package func note(_ event: SpanEventName, _ attributes: [SpanKey: SpanRecord.Value] = [:]) {
        add(SpanRecord.Event(name: event.rawValue, time: tracer.now, attributes: attributes))
    }

    package func end() { end(at: tracer.now) }

    /// Ends it as a part of a later span that has its identity: a span of this name below that one, without links.
    package func end(within name: SpanName) {
        guard isRecording, var ended = takeState() else { return }
        ended.name = name.text
        ended.links = []
        record(ended, tracer.context(below: spanContext), name.kind, below: spanContext, isRemote: false, at: tracer.now)
    }

    private func change(_ body: (inout sending State) -> Void) {
        guard isRecording else { return }
        state.withLock { state in
            if !state.hasEnded { body(&state) }
        }
    }

    private func add(_ event: SpanRecord.Event) {
        change { state in
            if state.events.count < WorkerSpan.limit { state.events.append(event) }
        }
    }

    private func end(at time: UInt64) {
        guard isRecording, let ended = takeState() else { return }
        record(ended, spanContext, kind, below: parent, isRemote: isParentRemote, at: time)
    }

    /// The state at the end; `nil` if it ended before.
    private func takeState() -> State? {
        state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
    }

    private func record(
        _ ended: State,
        _ context: SpanContext,
        _ kind: SpanKind,
        below parent: SpanContext?,
        isRemote: Bool,
        at time: UInt64
    ) {
        tracer.sink.accept(
            SpanRecord(
                context: context,
                parent: parent,
                isParentRemote: isRemote,
                name: ended.name,
                kind: kind,
                start: start,
                end: max(start, time),
                attributes: ended.attributes,
                events: ended.events,
                links: ended.links,
                hasFailed: ended.hasFailed
            )
        )
    }

    // MARK: For libraries

    package var context: ServiceContext {
        var context = surroundings
        context.spanContext = spanContext
        return context
    }

    package var operationName: String {
        get { state.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get {
            let known = state.withLock { $0.attributes }
            return SpanAttributes(Dictionary(uniqueKeysWithValues: known.map { ($0.key.rawValue, $0.value.attribute) }))
        }
        set { change { $0.attributes = WorkerSpan.known(newValue) } }
    }

    /// The message is dropped: it could hold anything.
    package func setStatus(_ status: SpanStatus) { change { $0.hasFailed = status.code == .error } }

    package func addEvent(_ event: SpanEvent) {
        add(SpanRecord.Event(name: event.name, time: event.nanosecondsSinceEpoch, attributes: WorkerSpan.known(event.attributes)))
    }

    /// Keeps the error's type alone: its text could hold anything.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        fail("\(type(of: error))")
    }

    package func addLink(_ link: SpanLink) {
        if let other = link.context.spanContext { self.link(to: other) }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        end(at: instant().nanosecondsSinceEpoch)
    }

    private static func known(_ attributes: SpanAttributes) -> [SpanKey: SpanRecord.Value] {
        var known: [SpanKey: SpanRecord.Value] = [:]
        attributes.forEach { name, value in
            if let key = SpanKey(rawValue: name), let value = SpanRecord.Value(value) { known[key] = value }
        }
        return known
    }
}

extension ServiceContext {
    private enum SpanContextKey: InstrumentationContextKey {
        typealias Value = SpanContext
        static var nameOverride: String? { "traceparent" }
    }

    /// The span in whose course something happens.
    package var spanContext: SpanContext? {
        get { self[SpanContextKey.self] }
        set { self[SpanContextKey.self] = newValue }
    }
}
