/// A media type by RFC 2045, 5.1: `application/json; charset="utf-8"`. Names compare without case, white space and comments between
/// the parts are ignored, and a value may be quoted.
package struct MediaType: Equatable, Sendable {
    /// In lower case: `application`.
    package let type: String
    /// In lower case: `cloudevents+json`.
    package let subtype: String
    /// In lower case; `nil` if it is missing.
    package let charset: String?

    /// The media type without its parameters.
    package var essence: String { "\(type)/\(subtype)" }

    /// Whether it declares JSON as CloudEvents defines it: `json`, or a format based on it.
    package var isJSON: Bool { subtype == "json" || subtype.hasSuffix("+json") }

    /// Whether its charset can be read as UTF-8, which JSON requires.
    package var isUTF8: Bool { charset.map { ["utf-8", "utf8", "us-ascii"].contains($0) } ?? true }

    /// - Parameter text: a media type. Any other text gives `nil`.
    package init?(_ text: String) {
        // Nearly every message has one of these.
        if let common = MediaType.common[text] { self = common } else { self.init(parsing: text) }
    }

    private static let common = [
        "application/cloudevents+json": MediaType(parsing: "application/cloudevents+json"),
        "application/json": MediaType(parsing: "application/json"),
    ].compactMapValues(\.self)

    private init?(parsing text: String) {
        var reader = Reader(rest: text.utf8[...])
        guard let type = reader.token(), reader.skip("/"), let subtype = reader.token() else { return nil }
        var charset: String?
        while reader.skip(";") {
            // Some writers end with a semicolon.
            guard let name = reader.token() else { break }
            guard reader.skip("="), let value = reader.value() else { return nil }
            if name.lowercased() == "charset", charset == nil { charset = value.lowercased() }
        }
        guard reader.isAtEnd else { return nil }
        self.type = type.lowercased()
        self.subtype = subtype.lowercased()
        self.charset = charset
    }
}

extension MediaType {
    /// Reads one part after the other, and skips white space and comments before each.
    private struct Reader {
        var rest: Substring.UTF8View

        var isAtEnd: Bool {
            var reader = self
            reader.skipIgnored()
            return reader.rest.isEmpty
        }

        mutating func skip(_ mark: Unicode.Scalar) -> Bool {
            skipIgnored()
            guard let byte = rest.first, UInt32(byte) == mark.value else { return false }
            rest.removeFirst()
            return true
        }

        mutating func token() -> String? {
            skipIgnored()
            let token = rest.prefix { $0 > 0x20 && $0 < 0x7F && !Reader.specials.contains($0) }
            rest = rest[token.endIndex...]
            return token.isEmpty ? nil : String(token)
        }

        /// A token, or a quoted string.
        mutating func value() -> String? {
            guard skip("\"") else { return token() }
            var value: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped)
                default: value.append(byte)
                }
            }
            return nil
        }

        /// Skips white space, and comments in parentheses, which may nest.
        private mutating func skipIgnored() {
            var depth = 0
            while let byte = rest.first {
                switch byte {
                case UInt8(ascii: "("): depth += 1
                case UInt8(ascii: ")") where depth > 0: depth -= 1
                case UInt8(ascii: "\\") where depth > 0: rest.removeFirst()
                case 0x20, 0x09, 0x0A, 0x0D: break
                default: if depth == 0 { return }
                }
                if !rest.isEmpty { rest.removeFirst() }
            }
        }

        private static let specials = Array(#"()<>@,;:\"/[]?="#.utf8)
    }
}
