import Secrets

/// Removes credentials from a text: Autotask may echo what it received.
struct Redaction: Sendable {
    /// The maximum length of a message, in characters.
    private static let limit = 300
    /// The maximum length of the searched text, in bytes. The rest would be cut anyway, unless all text before it is invisible.
    private static let lookedAt = 16 << 10
    private static let replacement = Array("[redacted]".utf8)

    private let credentials: AutotaskCredentials

    init(_ credentials: AutotaskCredentials) { self.credentials = credentials }

    /// Autotask's text in a form that is safe to show: one line of limited length, without the credentials in any usual spelling. The
    /// result is `nil` if nothing is left.
    func safeMessage(_ text: String) -> String? {
        let values = sought
        var beginning = Array(text.utf8.prefix(Redaction.lookedAt))
        if beginning.count < text.utf8.count, let longest = values.map(\.longestSpelling).max() {
            // A value may have been cut at the end.
            beginning = Redaction.scrubbed(beginning, of: values).dropLast(longest)
        }
        // Scrubbed before and after control characters are removed: a value may contain them, or be split by them.
        let once = Redaction.scrubbed(beginning, of: values)
        let line = Redaction.line(of: String(decoding: once, as: UTF8.self))
        let twice = String(decoding: Redaction.scrubbed(Array(line.utf8), of: values), as: UTF8.self)
        guard !twice.isEmpty else { return nil }
        return twice.count <= Redaction.limit ? twice : twice.prefix(Redaction.limit - 1) + "…"
    }

    /// The text without invisible characters, with single spaces between words.
    private static func line(of text: String) -> String {
        let words = text.unicodeScalars.split { $0.properties.isWhitespace }
        return words.map { word in
            String(String.UnicodeScalarView(word.filter { ![.control, .format].contains($0.properties.generalCategory) }))
        }.filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// The values to remove, the longest first, since one may contain another.
    private var sought: [SoughtValue] {
        func copy(_ secret: SecretReference) -> [UInt8] { secret.withBytes { bytes in bytes.indices.map { bytes[$0] } } }
        var values = [Array(credentials.username.utf8)] + credentials.secrets.map(copy)
        defer { for index in values.indices { values[index].wipe() } }
        return values.filter { !$0.isEmpty }.sorted { $0.count > $1.count }.map(SoughtValue.init)
    }

    private static func scrubbed(_ text: [UInt8], of values: [SoughtValue]) -> [UInt8] {
        values.reduce(text) { text, value in remove(value, from: text) }
    }

    /// Replaces every occurrence of the value.
    private static func remove(_ value: SoughtValue, from text: [UInt8]) -> [UInt8] {
        let lowered = text.map(\.loweredASCII)
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let end = value.end(in: lowered, at: index) {
                result += replacement
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
