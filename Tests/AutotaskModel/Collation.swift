import Foundation

/// The differences that a database's text comparison ignores, as in SQL Server's collations.
package struct Collation: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let letterCase = Collation(rawValue: 1)
    package static let trailingSpaces = Collation(rawValue: 1 << 1)
    /// Full and half width: `Ａ` and `A`.
    package static let width = Collation(rawValue: 1 << 2)
    /// Hiragana and katakana.
    package static let kana = Collation(rawValue: 1 << 3)
    /// `_AI`: `é` and `e`.
    package static let accents = Collation(rawValue: 1 << 4)
    /// `ß` and `ss`, `æ` and `ae`.
    package static let expansions = Collation(rawValue: 1 << 5)
    /// Characters that have no weight, such as a zero width space or a soft hyphen.
    package static let weightless = Collation(rawValue: 1 << 6)

    /// The collation that Autotask is assumed to have.
    package static let caseInsensitive: Collation = [.letterCase]
    package static let all: Collation = [.letterCase, .trailingSpaces, .width, .kana, .accents, .expansions, .weightless]

    /// The same key for texts that the database treats as equal.
    package func key(_ text: String) -> String {
        // Most names are printable ASCII, in which only two of the differences occur.
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        return plainKey(isPlain ? text : unweighted(text))
    }

    private func plainKey(_ text: String) -> String {
        var key = contains(.letterCase) ? text.lowercased() : text
        if contains(.trailingSpaces) { while key.hasSuffix(" ") { key.removeLast() } }
        return key
    }

    /// The text without the differences that letters beyond ASCII can have.
    private func unweighted(_ text: String) -> String {
        var key = text
        if contains(.expansions) {
            for (letter, letters) in [("ß", "ss"), ("ẞ", "SS"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE")] {
                key = key.replacingOccurrences(of: letter, with: letters)
            }
        }
        if contains(.weightless) {
            key = String(
                String.UnicodeScalarView(key.unicodeScalars.filter { ![.format, .control].contains($0.properties.generalCategory) })
            )
        }
        if contains(.width) { key = Collation.scalars(key) { (0xFF01...0xFF5E).contains($0) ? $0 - 0xFEE0 : $0 == 0x3000 ? 0x20 : $0 } }
        if contains(.kana) { key = Collation.scalars(key) { (0x3041...0x3096).contains($0) ? $0 + 0x60 : $0 } }
        if contains(.accents) {
            let letters = key.decomposedStringWithCanonicalMapping.unicodeScalars.filter {
                $0.properties.generalCategory != .nonspacingMark
            }
            key = String(String.UnicodeScalarView(letters))
        }
        return key
    }

    private static func scalars(_ text: String, _ map: (UInt32) -> UInt32) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { Unicode.Scalar(map($0.value)) ?? $0 }))
    }
}
