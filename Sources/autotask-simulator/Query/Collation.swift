import Foundation

/// The differences that a database's collation ignores, in addition to letter case and trailing spaces (``CollatedText``).
struct Collation: Sendable {
    /// Differences that SQL Server's collations may ignore.
    enum Weight: String, Decodable, Sendable {
        /// Full and half width: `Ａ` and `A`.
        case width
        /// Hiragana and katakana.
        case kana
        /// `_AI`: `é` and `e`.
        case accents
        /// `ß` and `ss`, `æ` and `ae`.
        case expansions
        /// Characters without weight, such as a zero width space or a soft hyphen.
        case weightless
    }

    private let ignored: Set<Weight>

    init(_ ignored: [Weight] = []) { self.ignored = Set(ignored) }

    /// A value in the form that is compared.
    func folded(_ value: FieldValue) -> FieldValue {
        guard !ignored.isEmpty, let text = value.text?.text else { return value }
        return .text(folded(text))
    }

    func contains(_ value: FieldValue, in values: Set<FieldValue>) -> Bool {
        if ignored.isEmpty || value.text == nil { return values.contains(value) }
        return values.contains { folded($0) == folded(value) }
    }

    private func folded(_ text: String) -> String {
        var text = text
        if ignored.contains(.expansions) {
            for (letter, letters) in [("ß", "ss"), ("ẞ", "SS"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE")] {
                text = text.replacingOccurrences(of: letter, with: letters)
            }
        }
        if ignored.contains(.accents) { text = text.decomposedStringWithCanonicalMapping }
        let scalars = text.unicodeScalars.compactMap { scalar -> Unicode.Scalar? in
            switch (scalar.value, scalar.properties.generalCategory) {
            case (_, .format), (_, .control): ignored.contains(.weightless) ? nil : scalar
            case (_, .nonspacingMark): ignored.contains(.accents) ? nil : scalar
            case (0x3000, _) where ignored.contains(.width): " "
            case (0xFF01...0xFF5E, _) where ignored.contains(.width): Unicode.Scalar(scalar.value - 0xFEE0)
            case (0x3041...0x3096, _) where ignored.contains(.kana): Unicode.Scalar(scalar.value + 0x60)
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
