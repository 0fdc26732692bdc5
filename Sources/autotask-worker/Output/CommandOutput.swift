import ArgumentParser
import Contract

/// The result of a command. ``Terminal/show(_:as:)`` prints it as lines for people, or as documents or a table for programs.
///
/// It is not `Encodable`: Foundation's encoder keeps neither the order of members nor the text of numbers (see `Contract.JSON`).
protocol CommandOutput {
    var json: JSON { get }
    /// The documents of ``OutputFormat/jsonl``: the elements of a list.
    var documents: [JSON] { get }
    /// Each may hold text of portals and Autotask, and styles of ``Terminal``.
    var lines: [String] { get }
    /// The error with which the command ends after its output; `nil` on success.
    var failure: (any Error)? { get }
}

extension CommandOutput {
    var documents: [JSON] { [json] }
    var failure: (any Error)? { nil }

    /// The lines to write.
    func printed(as format: OutputFormat) -> [TerminalText] {
        switch format {
        case .text: lines.map { TerminalText($0) }
        case .json: [TerminalText(json)]
        case .jsonl: documents.map { TerminalText($0) }
        case .csv: (self as? any TableOutput)?.table.records.map { TerminalText($0) } ?? []
        }
    }
}

/// An element of a ``Listing``.
protocol ListElement {
    /// The columns of the list.
    static var columns: [Table.Column] { get }
    var row: Table.Row { get }
    var json: JSON { get }
}

/// A list of elements.
struct Listing<Element: ListElement>: TableOutput {
    let elements: [Element]
    /// The line for an empty list.
    let whenEmpty: String
    /// What the list leaves out, for people.
    var rest: Rest?

    var table: Table { Table(columns: Element.columns, rows: elements.map(\.row)) }
    var json: JSON { .array(documents) }
    var documents: [JSON] { elements.map(\.json) }
    var lines: [String] { (elements.isEmpty ? [whenEmpty] : table.lines(in: Terminal.layout)) + (rest?.lines ?? []) }
}

/// The outcome of a command's work, with members for scripts.
struct Outcome: CommandOutput {
    var json: JSON
    var lines: [String]
    var failure: (any Error)?

    init(_ members: KeyValuePairs<String, any JSONValue>, _ lines: String..., failure: (any Error)? = nil) {
        json = .members(members)
        self.lines = lines
        self.failure = failure
    }
}
