package import Contract
package import HTTP

/// The calls of one job to one tenant's Autotask. It counts calls and never repeats one: its caller decides about retries. It belongs to
/// one task, which makes one call after the other.
package final class AutotaskSession {
    private let transport: any HTTPTransport
    private let root: String
    private let credentials: AutotaskCredentials
    private let traceparent: String?
    private let timeout: Duration
    private let gate: any CallGate
    private let observe: @Sendable (AutotaskCall) -> Void
    /// The number of calls so far, without ``requestThreshold()``.
    package private(set) var callCount = 0

    /// - Parameters:
    ///   - traceparent: a valid W3C `traceparent`, sent with each call.
    ///   - timeout: how long each call may take.
    ///   - gate: asked before each call.
    ///   - observe: called after each call, whether it succeeded or failed. It must not block.
    package init(
        transport: any HTTPTransport,
        zone: Zone,
        credentials: AutotaskCredentials,
        traceparent: String? = nil,
        timeout: Duration = .seconds(30),
        gate: any CallGate = OpenGate(),
        observe: @escaping @Sendable (AutotaskCall) -> Void = { _ in }
    ) {
        self.transport = transport
        root = zone.apiURL + AutotaskOperation.apiVersion
        self.credentials = credentials
        self.traceparent = traceparent
        self.timeout = timeout
        self.gate = gate
        self.observe = observe
    }

    /// Makes one call.
    func answer(to operation: AutotaskOperation, body: [UInt8] = []) async throws(AutotaskError) -> Answer {
        // Such values cannot be valid, and the transport would refuse the request.
        guard credentials.fitHeaders else {
            throw AutotaskError(.unauthorized, message: "the credentials hold what no header can carry")
        }
        var headers = credentials.headers + [AutotaskSession.contentType]
        if let traceparent { headers.append(HTTPHeader("traceparent", traceparent)) }
        let request = HTTPRequest(
            method: operation.method,
            url: root + operation.path,
            headers: headers,
            body: body,
            timeout: timeout,
            maximumResponseBytes: AnswerLimits.bytes,
            // A query is also a POST, but changes nothing.
            isRepeatable: !operation.isWrite,
            mayStillBeSent: gate.mayStillCall
        )
        return try await gate.pass(operation) { () async throws(AutotaskError) in
            if operation.isCounted { callCount += 1 }
            return try await transport.answer(to: request, of: operation, redacting: Redaction(credentials), observe: observe)
        }
    }

    private static let contentType = HTTPHeader("Content-Type", "application/json")
}

/// One call to Autotask, for metrics.
package struct AutotaskCall: Hashable, Sendable {
    package let operation: AutotaskOperation
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// How long the exchange took; zero without an answer.
    package let elapsed: Duration
}
