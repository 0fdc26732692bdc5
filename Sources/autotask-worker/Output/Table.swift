import Contract

/// Rows with the same columns: aligned text for people, or CSV for programs.
struct Table {
    struct Column {
        enum Kind {
            /// A name or a word; cut only if the flexible column is not enough.
            case name
            /// An id that people copy; never cut.
            case id
            /// Aligned to the right, and never cut.
            case number
            /// Never cut.
            case time
            /// The flexible column: cut first, between words.
            case words
        }

        /// The heading; `nil` for a column that only CSV has.
        let title: String?
        /// The name in CSV, which is that of the member in JSON; `nil` for a column that only text has.
        let name: String?
        let kind: Kind

        init(_ title: String?, _ name: String?, _ kind: Kind = .name) {
            self.title = title
            self.name = name
            self.kind = kind
        }
    }

    enum Cell {
        /// `–` as text, empty in CSV.
        case absent
        case text(String, Terminal.Style? = nil)
        case number(Int64)
        case time(Timestamp)

        /// An optional name or word.
        init(_ text: String?, _ style: Terminal.Style? = nil) { self = text.map { .text($0, style) } ?? .absent }
        init(_ count: Int?) { self = count.map { .number(Int64($0)) } ?? .absent }
        init(_ moment: Timestamp?) { self = moment.map { .time($0) } ?? .absent }
        /// A yes or no of CSV, as in JSON.
        init(_ isSo: Bool) { self = .text(isSo ? "true" : "false") }

        var csv: String {
            switch self {
            case .absent: ""
            case .text(let text, _): text
            case .number(let number): "\(number)"
            case .time(let moment): moment.description
            }
        }
    }

    struct Row {
        /// One for each column.
        var cells: [Cell]
        /// Lines below the row, which are never cut. CSV leaves them out.
        var details: [String] = []
    }

    let columns: [Column]
    let rows: [Row]

    /// The header and the rows.
    var records: [CSVRecord] {
        let names = columns.compactMap(\.name)
        let values = rows.map { row in zip(columns, row.cells).filter { $0.0.name != nil }.map(\.1.csv) }
        return ([names] + values).map { CSVRecord(fields: $0) }
    }
}

/// An output that is a table. ``OutputFormat/csv`` needs one.
protocol TableOutput: CommandOutput {
    var table: Table { get }
}
