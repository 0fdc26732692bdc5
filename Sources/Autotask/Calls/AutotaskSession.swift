package import Contract
package import HTTP

/// The calls of one job to one tenant's Autotask. It never repeats a call: its caller decides about retries. It belongs to one task, which makes
/// one call after the other.
package final class AutotaskSession {
    private let transport: any HTTPTransport
    private let root: String
    private let credentials: AutotaskCredentials
    private let traceparent: String?
    private let timeout: Duration
    private let gate: any CallGate

    /// - Parameters:
    ///   - traceparent: a valid W3C `traceparent`, sent with each call.
    ///   - timeout: how long each call may take.
    ///   - gate: asked before each call.
    package init(
        transport: any HTTPTransport,
        zone: Zone,
        credentials: AutotaskCredentials,
        traceparent: String? = nil,
        timeout: Duration = .seconds(30),
        gate: any CallGate = OpenGate()
    ) {
        self.transport = transport
        root = zone.apiURL + AutotaskOperation.apiVersion
        self.credentials = credentials
        self.traceparent = traceparent
        self.timeout = timeout
        self.gate = gate
    }

    /// Makes one call.
    ///
    /// - Parameter names: the members of the answer's records that are read; `nil` for all.
    func answer(
        to operation: AutotaskOperation,
        body: [UInt8] = [],
        reading names: JSONMemberNames? = nil
    ) async throws(AutotaskError) -> Answer {
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
            try await transport.answer(to: request, of: operation, reading: names, redacting: Redaction(credentials))
        }
    }

    private static let contentType = HTTPHeader("Content-Type", "application/json")
}
