import Autotask
import HTTP
import Telemetry

/// The transport of an attempt that has a trace: each call gets a span, whose context Autotask receives in place of the attempt's.
struct TracedTransport: HTTPTransport {
    let transport: any HTTPTransport
    let trace: AttemptTrace

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let target = CallTarget(url: request.url)
        let operation = AutotaskOperation(request.method, target)
        let span = trace.call(method: request.method.rawValue, path: operation.map { _ in target.template })
        defer { span.end() }
        span.describe(request, target, operation)
        var request = request
        request.headers.removeAll { $0.name == "traceparent" }
        request.headers.append(HTTPHeader("traceparent", span.spanContext.traceparent))
        do {
            let response = try await transport.send(request)
            span[.httpStatus] = .number(Int64(response.status))
            if response.status >= 400 { span.fail(String(response.status)) }
            if response.status == 429 { span.noteLimit(response) }
            return response
        } catch {
            span.fail(error.code.rawValue)
            throw error
        }
    }
}

extension WorkerSpan {
    fileprivate func describe(_ request: HTTPRequest, _ target: CallTarget, _ operation: AutotaskOperation?) {
        self[.httpMethod] = .text(request.method.rawValue)
        // The query of a zone look-up names the user.
        self[.url] = .text(String(request.url.prefix { $0 != "?" }))
        if let operation {
            self[.operation] = .text(operation.rawValue)
            self[.urlTemplate] = .text(target.template)
        }
        // An IPv6 address has colons of its own, within brackets.
        let port = target.host.lastIndex(of: ":").flatMap { colon in
            UInt16(target.host[target.host.index(after: colon)...]).map { (target.host[..<colon], $0) }
        }
        self[.host] = .text(port.map { String($0.0) } ?? target.host)
        self[.port] = .number(Int64(port?.1 ?? (request.url.hasPrefix("http:") ? 80 : 443)))
    }
}

extension WorkerSpan {
    /// Autotask limits requests, and may ask for a pause.
    fileprivate func noteLimit(_ response: HTTPResponse) {
        let pause = Duration(retryAfterOf: response).map { SpanRecord.Value.fraction($0 / .seconds(1)) }
        note(.callLimited, pause.map { [.waitSeconds: $0] } ?? [:])
    }
}

extension CallTarget {
    /// The path without the part that differs between zones: `/V1.0/Services/query`.
    fileprivate var template: String { "/" + AutotaskOperation.apiVersion + path }
}
