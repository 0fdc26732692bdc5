/// The form in which service names are compared: without outer spaces, and regardless of case and composition (`Rules` A14).
struct NameKey: Hashable {
    /// `String` compares and hashes by canonical equivalence, as NFC would.
    private let text: String

    init(_ name: String) { text = name.trimmed.caseFolded }

    /// Whether two names are the same to a reader of an invoice: outer spaces and composition do not count, case does.
    static func looksAlike(_ left: String, _ right: String) -> Bool { left == right || left.trimmed == right.trimmed }
}

extension String {
    /// Without outer white space.
    var trimmed: String {
        // As in nearly every name, there is none if a printable character of ASCII is at both ends.
        if let first = utf8.first, let last = utf8.last, 0x21...0x7E ~= first, 0x21...0x7E ~= last { return self }
        guard first?.isWhitespace == true || last?.isWhitespace == true else { return self }
        guard let start = firstIndex(where: { !$0.isWhitespace }), let end = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[start...end])
    }

    /// The text after Unicode's full case folding: `Straße` equals `STRASSE`, and a final sigma equals a sigma. Lower case alone would not
    /// make them equal.
    fileprivate var caseFolded: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        var folded = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            // The only letter that case folding keeps but conversion through capitals changes: it would become a dotted i.
            if scalar == "ı" {
                folded.append(scalar)
            } else {
                folded += scalar.properties.lowercaseMapping.uppercased().lowercased().unicodeScalars
            }
        }
        return String(folded)
    }
}
