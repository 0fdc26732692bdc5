import HTTP
import Secrets
import Telemetry

// MARK: Forms of OpenTelemetry's variables

extension Form<String, Failure> {
    static var collectorURL: Self {
        Form(placeholder: "url", secret: { $0.password }) { text, entry throws(Failure) in
            guard !text.contains("?"), (try? HostPolicy(onlyOf: text)) != nil else {
                throw entry.isNot(
                    "an http or https URL without user, password, query and fragment",
                    hint: "It looks like http://127.0.0.1:4318. Put credentials into OTEL_EXPORTER_OTLP_HEADERS."
                )
            }
            return text
        }
    }
}

extension Form<[NamedText], Failure> {
    /// `name=value`, separated by commas; values are percent-encoded.
    static func pairs(_ placeholder: String) -> Self {
        parsed(placeholder, "a list of name=value, separated by commas, with percent-encoded values") { text in
            let pairs = text.listed.map(NamedText.init)
            return pairs.contains { $0 == nil } ? nil : pairs.compactMap(\.self)
        }
    }
}

extension Form<[HTTPHeader], Failure> {
    /// Secret as a whole.
    static var headers: Self {
        let pairs = Form<[NamedText], Failure>.pairs("headers")
        return Form(placeholder: pairs.placeholder, secret: { $0.startIndex..<$0.endIndex }) { text, entry throws(Failure) in
            let headers = try pairs.read(text, entry).map { pair in
                HTTPHeader(pair.name, SecretReference(copying: Array(pair.value.utf8).span))
            }
            guard headers.allSatisfy(\.canBeSent) else {
                throw entry.isNot(
                    "a list of headers that HTTP can carry",
                    hint: "It looks like authorization=Bearer%20TOKEN,x-tenant=acme."
                )
            }
            return headers
        }
    }
}

/// A name and its value.
struct NamedText: Sendable {
    let name: String
    let value: String

    /// Reads `name=value`.
    init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = text[..<equals].trimmed
        guard !name.isEmpty, let value = Substring(text[text.index(after: equals)...].trimmed).percentDecoded else { return nil }
        self.name = name
        self.value = value
    }
}

/// The names of samplers, as every SDK of OpenTelemetry has them.
enum SamplerName: String, CaseIterable, Sendable {
    case alwaysOn = "always_on"
    case alwaysOff = "always_off"
    case traceIDRatio = "traceidratio"
    case parentBasedAlwaysOn = "parentbased_always_on"
    case parentBasedAlwaysOff = "parentbased_always_off"
    case parentBasedTraceIDRatio = "parentbased_traceidratio"

    /// - Parameter ratio: the share of traces, from 0 to 1.
    func sampler(ratio: Double) -> Sampler {
        switch self {
        case .alwaysOn: Sampler(.always, followsParent: false)
        case .alwaysOff: Sampler(.never, followsParent: false)
        case .traceIDRatio: Sampler(.ratio(ratio), followsParent: false)
        case .parentBasedAlwaysOn: Sampler(.always, followsParent: true)
        case .parentBasedAlwaysOff: Sampler(.never, followsParent: true)
        case .parentBasedTraceIDRatio: Sampler(.ratio(ratio), followsParent: true)
        }
    }
}

extension Substring {
    /// The text with each `%XX` as the byte that it stands for; `nil` if one is broken, or the bytes are no UTF-8.
    fileprivate var percentDecoded: String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy(\.isHexadecimal), let value = UInt8(String(Substring(digits)), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool { Character(Unicode.Scalar(self)).isHexDigit }
}
