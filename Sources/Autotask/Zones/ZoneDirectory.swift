package import Contract
package import HTTP

/// The zone and database of a user, as Autotask reports them.
package struct DiscoveredZone: Hashable, Sendable {
    package var zone: Zone
    /// Autotask's `ci`: the id of one partner's database, which has its own request quota.
    package var databaseID: Int64

    package init(zone: Zone, databaseID: Int64) {
        self.zone = zone
        self.databaseID = databaseID
    }
}

/// Finds the zone that serves a user. It is the only call without authentication, and sends neither a secret nor a tracking id.
package struct ZoneDirectory {
    private let transport: any HTTPTransport
    private let lookupURL: String
    private let timeout: Duration
    private let gate: any CallGate

    /// - Parameters:
    ///   - lookupURL: the API's root on a host that knows all zones: `https://webservices.autotask.net/atservicesrest/`.
    ///   - timeout: the time limit of a call.
    ///   - gate: asked before each call.
    package init(
        transport: any HTTPTransport,
        lookupURL: String,
        timeout: Duration = .seconds(30),
        gate: any CallGate = OpenGate()
    ) {
        self.transport = transport
        self.lookupURL = lookupURL.endingInOneSlash + AutotaskOperation.apiVersion + AutotaskOperation.zone.path + "?user="
        self.timeout = timeout
        self.gate = gate
    }

    /// Asks for a user's zone. It sends only the user name, and removes credentials from the text of a failure.
    ///
    /// It does not check whether the zone's host may be called: the transport refuses a forbidden host.
    ///
    /// - Throws: ``AutotaskError``, of kind `zoneNotFound` if Autotask does not know the user name.
    package func zone(
        forUserOf credentials: AutotaskCredentials,
        traceparent: String? = nil
    ) async throws(AutotaskError) -> DiscoveredZone {
        let request = HTTPRequest(
            method: .get,
            url: lookupURL + credentials.username.percentEncoded,
            headers: traceparent.map { [HTTPHeader("traceparent", $0)] } ?? [],
            timeout: timeout,
            maximumResponseBytes: AnswerLimits.zoneBytes
        )
        let answer = try await gate.pass(.zone) { () async throws(AutotaskError) in
            try await transport.answer(to: request, of: .zone, redacting: Redaction(credentials))
        }
        if let zone = DiscoveredZone(zoneInformation: answer.body) { return zone }
        // A zone with another protocol can never be called, so this error is permanent.
        if let url = answer.body[anyCase: "url"]?.string, url.contains("://"), DiscoveredZone.scheme(of: url) == nil {
            throw AutotaskError(.notAllowed, message: "the zone is served by neither https nor http")
        }
        throw answer.malformed("the zone is incomplete")
    }
}

extension DiscoveredZone {
    /// Reads the answer of a zone look-up. An invalid web address becomes empty, because the worker does not call it.
    init?(zoneInformation json: JSON) {
        guard let name = json[anyCase: "zoneName"]?.string, name.utf8.count <= AnswerLimits.textBytes,
            let apiURL = json[anyCase: "url"]?.string.flatMap(DiscoveredZone.root),
            let webURL = json[anyCase: "webUrl"]?.string.map({ DiscoveredZone.root($0) ?? "" }),
            let databaseID = json[anyCase: "ci"]?.wholeNumber, databaseID > 0
        else { return nil }
        self.init(zone: Zone(name: name, apiURL: apiURL, webURL: webURL), databaseID: databaseID)
    }

    /// An absolute `http` or `https` URL with a host and at most a path, ending in exactly one slash; `nil` for any other text.
    private static func root(_ text: String) -> String? {
        guard let scheme = scheme(of: text), text.utf8.count <= AnswerLimits.textBytes,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#"\?#@"<>^`{|}"#.utf8.contains($0) })
        else { return nil }
        let host = text.dropFirst(scheme.count).prefix { $0 != "/" }
        guard !host.isEmpty else { return nil }
        return text.endingInOneSlash
    }
}

extension DiscoveredZone {
    fileprivate static func scheme(of url: String) -> String? { ["https://", "http://"].first { url.lowercased().hasPrefix($0) } }
}

extension String {
    fileprivate var endingInOneSlash: String {
        var text = self[...]
        while text.last == "/" { text = text.dropLast() }
        return text + "/"
    }
}
