import Autotask
import Contract
import Synchronization

@testable import HTTP

extension FuzzTarget {
    /// The call, the status, the answer's header lines up to an empty one, and its body; or a URL.
    func checkAnswer(_ input: inout FuzzInput) async throws(PropertyViolation) {
        let call = input.index(below: 10)
        guard call != 9 else { return try checkURL(String(decoding: input.remainder(), as: UTF8.self)) }
        let status = input.pick([200, 201, 204, 301, 400, 401, 403, 404, 405, 408, 409, 429, 500, 502, 503, 600])
        let head = Canary.plant(in: input.paragraph())
        let body = Canary.plant(in: input.remainder())
        let response = HTTPResponse(ReceivedAnswer(status: status, head: head, body: body, elapsed: .zero))
        for header in response.headers {
            try hold(!header.name.isEmpty && !header.value.utf8.contains(UInt8(ascii: "\n")), "a header is one line with a name")
        }
        let transport = AnsweringTransport(response)
        let read: ReadAnswer
        do throws(AutotaskError) {
            read = try await ReadAnswer(call, transport)
        } catch {
            // The zone look-up sends only a user name, so nothing else can be echoed there.
            try error.holdProperties(silentOn: call == 0 ? [.username] : Canary.all)
            return
        }
        try hold(transport.calls <= 3, "a call ends although the answer is always the same")
        try read.holdProperties()
        if let json = try? JSON(parsing: body) { try json.holdAmounts() }
    }

    /// Without a list, the policy allows only `https` to a host under `autotask.net`, for any reader of the URL.
    func checkURL(_ url: String) throws(PropertyViolation) {
        guard let destination = try? HostPolicy().check(url) else { return }
        let scheme = "https://"
        try hold(destination.url.hasPrefix(scheme) && !destination.isPlain, "only https is allowed")
        let authority = destination.url.dropFirst(scheme.count).prefix { !"/?#\\".contains($0) }
        let host = authority.hasSuffix(":443") ? authority.dropLast(4) : authority
        try hold(host.lowercased().hasSuffix(".autotask.net"), "only hosts under autotask.net are allowed, not \(host)")
        try hold(host.utf8.allSatisfy { $0 < 0x80 && !"@:%[] ".utf8.contains($0) }, "a host is a name")
        try hold(destination.endpoint == "\(host.lowercased()):443", "an endpoint matches its URL")
        try hold((try? HostPolicy().check(destination.url)) == destination, "an allowed URL is allowed again, with the same result")
    }
}

/// The result that a call made of its answer.
private enum ReadAnswer {
    case nothing
    case zone(DiscoveredZone)
    case fields(ServiceFields)
    case services([AutotaskService])
    case created(id: Int64)
    case billingCodes([BillingCode])

    init(_ call: Int, _ transport: AnsweringTransport) async throws(AutotaskError) {
        guard call != 0 else {
            let directory = ZoneDirectory(transport: transport, lookupURL: "https://webservices.autotask.net/atservicesrest/")
            self = .zone(try await directory.zone(forUserOf: Samples.credentials()))
            return
        }
        let zone = Zone(name: "AE02", apiURL: "https://webservices14.autotask.net/ATServicesRest/", webURL: "https://ww14.autotask.net/")
        let session = AutotaskSession(transport: transport, zone: zone, credentials: Samples.credentials())
        self = .nothing
        switch call {
        case 1: try await session.version()
        case 2: _ = try await session.serviceAccess()
        case 3: self = .fields(try await session.serviceFields())
        case 4, 5:
            let marker: ServiceMarker.Field? = call == 4 ? .internalID : nil
            let query = ServiceQuery(ids: [1, 2], names: ["Datto Workplace"], markers: ["abc"], markerField: marker)
            self = .services(try await session.services(query))
        case 6:
            let price = Money(tenThousandths: 1)
            let service = ServiceWrite(fields: ManagedFields(name: "x", unitPrice: price, billingCodeID: 1, periodType: 1))
            self = .created(id: try await session.write(service))
        case 7: _ = try await session.write(ServiceWrite(id: 7, fields: ManagedFields(name: "x")))
        default: self = .billingCodes(try await session.billingCodes(including: [1]))
        }
    }

    func holdProperties() throws(PropertyViolation) {
        switch self {
        case .nothing: break
        // Whatever the zone says, the transport decides whether that may be called.
        case .zone(let found): try FuzzTarget.autotaskJSON.checkURL(found.zone.apiURL)
        case .fields(var fields):
            fields.periodDoubt = nil
            try hold(ServiceFields(json: fields.json) == fields, "kept metadata is read back")
        case .services(let services):
            for amount in services.flatMap({ [$0.fields.unitPrice, $0.fields.unitCost] }).compactMap({ $0 }) {
                try hold(Money(jsonNumber: amount.description) == amount, "an amount is sent unchanged")
            }
        case .created(let id): try hold(id > 0, "an id is positive")
        case .billingCodes(let codes): for code in codes { try hold(BillingCode(json: code.json) == code, "a kept code is read back") }
        }
    }
}

extension JSON {
    /// Checks the reading of every number as an amount against exact arithmetic.
    fileprivate func holdAmounts() throws(PropertyViolation) {
        switch self {
        case .number(let text): try holdAmount(text)
        case .array(let elements): for element in elements { try element.holdAmounts() }
        case .object(let object): for member in object.members { try member.value.holdAmounts() }
        case .null, .bool, .string, .brokenString: break
        }
    }
}

extension AutotaskError {
    /// Checks that a failure reveals no credential, and has a length that its readers rely on.
    fileprivate func holdProperties(silentOn canaries: [Canary]) throws(PropertyViolation) {
        let texts = [description, message, remoteMessage ?? "", String(decoding: jobError.json.encoded, as: UTF8.self)]
        for canary in canaries {
            for text in texts {
                if let spelling = canary.spelling(in: text.utf8) {
                    throw PropertyViolation(description: "a failure reveals a credential, \(spelling): \(text)")
                }
            }
        }
        if let remoteMessage {
            try hold(remoteMessage.count <= 300 && !remoteMessage.isEmpty, "Autotask's text is shortened")
            try hold(!remoteMessage.unicodeScalars.contains { $0.properties.generalCategory == .control }, "it holds no control characters")
        }
        if let retryAfter { try hold((.zero ... .seconds(86_400)).contains(retryAfter), "a pause is at most a day") }
        try jobError.json.holdProperties()
    }
}

/// Answers every request in the same way.
private final class AnsweringTransport: HTTPTransport {
    private let response: HTTPResponse
    private let count = Atomic<Int>(0)

    init(_ response: HTTPResponse) { self.response = response }

    var calls: Int { count.load(ordering: .relaxed) }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        count.wrappingAdd(1, ordering: .relaxed)
        return response
    }
}
