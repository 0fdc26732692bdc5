/// A text that came from outside, as a log line may hold it: its beginning, in printable ASCII. Everything else is escaped, so that it neither
/// forges a line nor speaks to a terminal.
package struct ForeignText: CustomStringConvertible, Sendable {
    /// Longer than any name that was given for a good reason.
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
