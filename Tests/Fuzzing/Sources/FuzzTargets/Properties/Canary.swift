import Contract
import Glibc

/// A text that represents a secret. It contains what each spelling writes differently, and nothing that the worker writes itself.
struct Canary {
    let value: [UInt8]
    /// The spellings that a search for it in a text must try.
    let spellings: [(name: String, bytes: [UInt8])]
    /// The same spellings in lower case.
    private let sought: [(name: String, bytes: [UInt8])]

    static let username = Canary("kanarienvogel+7@msp.example")
    static let secret = Canary("P\u{e4}$$/w0rd\"\\ <&%>'+=Kanarie~")
    static let integrationCode = Canary("KANARIE/1NT3GR4T10N+C0DE=X")
    static let all = [username, secret, integrationCode]

    private init(_ text: String) {
        value = Array(text.utf8)
        spellings = Canary.spellings(of: text)
        sought = spellings.map { ($0.name, $0.bytes.map(Canary.lowered)) }
    }

    var text: String { String(decoding: value, as: UTF8.self) }

    private static func spellings(of text: String) -> [(name: String, bytes: [UInt8])] {
        let value = Array(text.utf8)
        let escaped = Array(JSON.string(text).encoded.dropFirst().dropLast())
        return [
            ("raw", value),
            ("JSON-escaped", escaped),
            ("JSON-escaped, with solidi", escaped.replacing("/".utf8, with: #"\/"#.utf8)),
            ("JSON-escaped in ASCII", escapingAll(text)),
            ("URL-encoded", percentEncoded(value)),
            ("form-encoded", percentEncoded(value).replacing("%20".utf8, with: "+".utf8)),
            ("hexadecimal", value.flatMap { hexadecimal($0) }),
            ("base64", base64(value)),
            ("base64url", Array(Base64URL.encode(value).utf8)),
            ("Latin-1 read as UTF-8", value.flatMap { Array(String(Unicode.Scalar($0)).utf8) }),
        ]
    }

    /// The spelling in which it occurs in a text, in any letter case; `nil` if it does not.
    func spelling(in text: some Sequence<UInt8>) -> String? {
        let text = text.map(Canary.lowered)
        return sought.first { text.contains($0.bytes) }?.name
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func hexadecimal(_ byte: UInt8) -> [UInt8] {
        [byte >> 4, byte & 15].map { $0 < 10 ? UInt8(ascii: "0") + $0 : UInt8(ascii: "A") + $0 - 10 }
    }

    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                [byte]
            default: [UInt8(ascii: "%")] + hexadecimal(byte)
            }
        }
    }

    /// The spelling of writers that escape everything except letters and digits: `\u0024`.
    private static func escapingAll(_ text: String) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            if unit > 0x20, unit < 0x7F, !#""\<>&'+"#.utf16.contains(unit) { return [UInt8(unit)] }
            if unit == 0x22 || unit == 0x5C { return [0x5C, UInt8(unit)] }
            if unit == 0x20 { return [0x20] }
            return Array(#"\u"#.utf8) + hexadecimal(UInt8(unit >> 8)) + hexadecimal(UInt8(unit & 255))
        }
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let text = Array(Base64URL.encode(bytes).utf8).map { byte -> UInt8 in
            byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte
        }
        return text
    }
}

extension Canary {
    /// The text with each mark `{{s3}}` replaced by that spelling of that canary, and each `{{S3}}` by the same as in a string of
    /// JSON: so an input can contain a canary that it does not spell out.
    static func plant(in text: [UInt8]) -> [UInt8] {
        guard text.contains(Array("{{".utf8)) else { return text }
        var planted: [UInt8] = []
        planted.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "{"), let spelling = marked(at: text[index...].prefix(6)) {
                planted += spelling
                index += 6
            } else {
                planted.append(text[index])
                index += 1
            }
        }
        return planted
    }

    /// The replacements by mark.
    private static let marks: [[UInt8]: [UInt8]] = {
        var marks: [[UInt8]: [UInt8]] = [:]
        for (letter, canary) in [("u", username), ("s", secret), ("c", integrationCode)] {
            for (number, spelling) in canary.spellings.enumerated() {
                marks[Array("{{\(letter)\(number)}}".utf8)] = spelling.bytes
                let quoted = JSON.string(String(decoding: spelling.bytes, as: UTF8.self)).encoded
                marks[Array("{{\(letter.uppercased())\(number)}}".utf8)] = Array(quoted.dropFirst().dropLast())
            }
        }
        return marks
    }()

    private static func marked(at mark: ArraySlice<UInt8>) -> [UInt8]? { marks[Array(mark)] }
}

extension [UInt8] {
    /// Whether the bytes contain the given ones, which are not empty. Targets ask often, and of long texts.
    fileprivate func contains(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { own in
            other.withUnsafeBytes { other in
                var start = 0
                while own.count - start >= other.count, let base = own.baseAddress, let sought = other.baseAddress {
                    guard let found = memchr(base + start, CInt(other[0]), own.count - start - other.count + 1) else { return false }
                    if memcmp(found, sought, other.count) == 0 { return true }
                    start = UnsafeRawPointer(found) - base + 1
                }
                return false
            }
        }
    }
}
