package import Contract
package import HTTP

/// The calls of one job to one tenant's Autotask. It counts them, and never repeats one by itself: how often and when is its caller's to
/// decide. It belongs to one task, so they come one after the other.
package final class AutotaskSession {
    private let transport: any HTTPTransport
    private let root: String
    private let credentials: AutotaskCredentials
    private let traceparent: String?
    private let timeout: Duration
    private let gate: any CallGate
    private let observe: @Sendable (AutotaskCall) -> Void
    /// How many calls were made so far; ``requestThreshold()`` is not counted.
    package private(set) var callCount = 0

    /// - Parameters:
    ///   - traceparent: a valid W3C `traceparent`, handed on with each call.
    ///   - timeout: how long each call may take.
    ///   - gate: asked before each call.
    ///   - observe: told of each call when it has ended, however it ended. It must not block.
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
        // Such values cannot be right, and to ask is to be refused by our own transport.
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
            // Queries are POSTs too, and change nothing.
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

/// One call to Autotask, as metrics see it.
package struct AutotaskCall: Hashable, Sendable {
    package let operation: AutotaskOperation
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// How long the exchange took; zero without an answer.
    package let elapsed: Duration
}
