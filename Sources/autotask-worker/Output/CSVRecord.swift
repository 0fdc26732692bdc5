/// A line of CSV by RFC 4180. ``TerminalText/init(_:)-(CSVRecord)`` writes it.
struct CSVRecord {
    let fields: [String]

    /// Characters with which spreadsheets begin a formula, also in their full-width forms.
    private static let formulaStarts: Set<Character> = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]

    /// A field in quotes where needed. A text that a spreadsheet would take as a formula begins with an apostrophe; numbers stay as they are.
    static func field(_ text: String) -> String {
        let start = text.first { !$0.isWhitespace }
        let isFormula = start.map(formulaStarts.contains) ?? false && text.wholeMatch(of: /[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/) == nil
        let text = isFormula ? "'" + text : text
        // A semicolon separates fields where a comma is the decimal separator.
        guard text.contains(where: { "\",;'".contains($0) || $0.isWhitespace }) else { return text }
        return "\"\(text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }
}
