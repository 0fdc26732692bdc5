import Secrets

/// Takes out of a text what must not be told again: Autotask may echo what it was sent.
struct Redaction: Sendable {
    /// How long a message may be, in characters.
    private static let limit = 300
    private static let replacement = Array("[redacted]".utf8)

    private let username: String
    private let credentials: AutotaskCredentials?

    init(username: String) {
        self.username = username
        credentials = nil
    }

    init(_ credentials: AutotaskCredentials) {
        username = credentials.username
        self.credentials = credentials
    }

    /// A text of Autotask's that may be shown: on one line, without the credentials in any usual spelling, not too long. `nil` for none.
    func safeMessage(_ text: String) -> String? {
        // Before and after the control characters go: a value may hold some, or be broken up by them.
        let line = scrubbed(Redaction.line(of: scrubbed(text)))
        guard !line.isEmpty else { return nil }
        return line.count <= Redaction.limit ? line : line.prefix(Redaction.limit - 1) + "…"
    }

    /// The text without invisible characters, and with single spaces between its words.
    private static func line(of text: String) -> String {
        let words = text.unicodeScalars.split { $0.properties.isWhitespace }
        return words.map { word in
            String(String.UnicodeScalarView(word.filter { ![.control, .format].contains($0.properties.generalCategory) }))
        }.filter { !$0.isEmpty }.joined(separator: " ")
    }

    private func scrubbed(_ text: String) -> String {
        var bytes = Array(text.utf8)
        var spellings = spellings
        for index in spellings.indices {
            Redaction.remove(spellings[index], from: &bytes)
            spellings[index].wipe()
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The values as sent, as a server reads them that takes headers for Latin-1, and percent-encoded; the longest first, since one may
    /// contain another. Whoever takes them wipes them.
    private var spellings: [[UInt8]] {
        var spellings: [[UInt8]] = []
        func append(_ value: Span<UInt8>) {
            guard !value.isEmpty else { return }
            var (sent, latin1, encoded): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
            // None of them moves to other memory while it grows, and leaves a copy behind.
            sent.reserveCapacity(value.count)
            latin1.reserveCapacity(2 * value.count)
            encoded.reserveCapacity(3 * value.count)
            for index in value.indices {
                sent.append(value[index])
                latin1.append(latin1: value[index])
                encoded.append(percentEncoding: value[index])
            }
            spellings += [sent, latin1, encoded]
        }
        append(Array(username.utf8).span)
        for secret in credentials?.secrets ?? [] { secret.withBytes { append($0) } }
        return spellings.sorted { $0.count > $1.count }
    }

    /// Replaces every occurrence of the value, whatever the case of its ASCII letters.
    private static func remove(_ value: [UInt8], from bytes: inout [UInt8]) {
        let sought = value.map(\.loweredASCII)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if index + sought.count <= bytes.count, sought.indices.allSatisfy({ bytes[index + $0].loweredASCII == sought[$0] }) {
                result += replacement
                index += sought.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        bytes = result
    }
}

extension UInt8 {
    fileprivate var loweredASCII: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}

extension Collection<UInt8> {
    /// The bytes with all but RFC 3986's unreserved characters percent-encoded: what may stand anywhere in a query.
    var percentEncoded: String {
        var output: [UInt8] = []
        output.reserveCapacity(count * 3)
        for byte in self { output.append(percentEncoding: byte) }
        return String(decoding: output, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends the UTF-8 of a byte that stands for a character of Latin-1.
    fileprivate mutating func append(latin1 byte: UInt8) {
        if byte < 0x80 { append(byte) } else { append(contentsOf: [0xC0 | byte >> 6, 0x80 | byte & 0x3F]) }
    }

    fileprivate mutating func append(percentEncoding byte: UInt8) {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            append(byte)
        default:
            append(UInt8(ascii: "%"))
            for digit in [byte >> 4, byte & 15] { append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10) }
        }
    }
}
