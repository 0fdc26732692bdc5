import Contract
import HTTP
import OTLP
import Synchronization
import Tracing

@testable import Telemetry

/// A collector behind the exporter's transport.
final class ScriptedCollector: HTTPTransport {
    enum Answer: Sendable {
        case status(Int, headers: [String: String] = [:], body: String = "{}")
        case failure(HTTPError.Code)
        /// No answer until the request is cancelled.
        case silence
    }

    private struct State {
        var answers: [Answer] = []
        var requests: [HTTPRequest] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ answers: Answer...) { state = Mutex(State(answers: answers)) }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    /// The spans' ids in each request.
    var batches: [[String]] {
        requests.map { request in
            guard let spans = (try? JSON(parsing: request.body))?["resourceSpans"]?.array?[0]["scopeSpans"]?.array?[0]["spans"]?.array
            else {
                return []
            }
            return spans.compactMap { $0["spanId"]?.string }
        }
    }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let (answer, waiters) = state.withLock { state in
            state.requests.append(request)
            let count = state.requests.count
            let met = state.waiters.filter { $0.count <= count }
            state.waiters.removeAll { $0.count <= count }
            return (state.answers.isEmpty ? .status(200) : state.answers.removeFirst(), met.map(\.continuation))
        }
        for waiter in waiters { waiter.resume() }
        switch answer {
        case .status(let status, let headers, let body):
            return HTTPResponse(status: status, headers: headers.map { ($0.key, $0.value) }, body: Array(body.utf8))
        case .failure(let code): throw HTTPError(code, "scripted", mayHaveBeenSent: false)
        case .silence:
            let gate = AsyncStream<Never> { _ in }
            for await _ in gate {}
            throw HTTPError(.cancelled, "cancelled", mayHaveBeenSent: true)
        }
    }

    func awaitRequests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.requests.count >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}

extension SpanRecord {
    /// A span with this id.
    static func sample(
        _ id: UInt64,
        parent: SpanContext? = nil,
        attributes: [SpanKey: Value] = [:],
        events: [Event] = [],
        links: [SpanContext] = [],
        hasFailed: Bool = false
    ) -> SpanRecord {
        SpanRecord(
            context: SpanContext(traceID: SpanContext.TraceID(high: 0xAB, low: 0xCD), spanID: id, flags: 1),
            parent: parent,
            isParentRemote: true,
            name: "process jobs",
            kind: .consumer,
            start: 1_764_576_000_123_456_789,
            end: 1_764_576_001_000_000_000,
            attributes: attributes,
            events: events,
            links: links,
            hasFailed: hasFailed
        )
    }
}
