/// The beginning of a text from outside, in a form that is safe in a log line. All but printable ASCII is escaped, so that the text can
/// neither forge a log line nor control a terminal.
package struct ForeignText: CustomStringConvertible, Sendable {
    /// Longer than any legitimate name.
    private static let maximumScalars = 64

    package let description: String

    package init(_ text: String) {
        let scalars = text.unicodeScalars
        let end = scalars.index(scalars.startIndex, offsetBy: ForeignText.maximumScalars, limitedBy: scalars.endIndex) ?? scalars.endIndex
        // Escapes quotes and backslashes as well.
        let shown = scalars[..<end].reduce(into: "") { $0 += $1.escaped(asASCII: true) }
        description = end == scalars.endIndex ? shown : "\(shown)... (\(text.utf8.count) bytes)"
    }
}
