/// A service's name as names are compared: composed or not, in any case, without outer spaces (`Rules` A14).
struct NameKey: Hashable {
    /// `String` compares and hashes by canonical equivalence, which is what NFC is for.
    private let text: String

    init(_ name: String) { text = name.trimmed.caseFolded }

    /// Whether two names are the same to a reader of an invoice: outer spaces and composition do not count, case does.
    static func looksAlike(_ left: String, _ right: String) -> Bool { left == right || left.trimmed == right.trimmed }
}

extension String {
    /// Without outer white space.
    var trimmed: String {
        guard first?.isWhitespace == true || last?.isWhitespace == true else { return self }
        guard let start = firstIndex(where: { !$0.isWhitespace }), let end = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[start...end])
    }

    /// As texts are compared in any case: equal wherever Unicode's full case folding makes them equal, so that `Straße` is `STRASSE` and a
    /// final sigma is a sigma, which lower case alone does not make them.
    fileprivate var caseFolded: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        var folded = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            // The only letter that folding leaves alone and the way through capitals does not: it would become a dotted i.
            if scalar == "ı" {
                folded.append(scalar)
            } else {
                folded += scalar.properties.lowercaseMapping.uppercased().lowercased().unicodeScalars
            }
        }
        return String(folded)
    }
}
