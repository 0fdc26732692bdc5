import Contract

/// The value of one field in one record.
enum FieldValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case money(MoneyValue)
    case text(CollatedText)
    /// A moment in UTC, as `2026-08-26T01:00:00Z`: such texts sort like their moments.
    case date(String)

    static func text(_ text: String) -> FieldValue { .text(CollatedText(text)) }

    var json: JSON {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .money(let money): .number(money.text)
        case .text(let text): .string(text.text)
        case .date(let text): .string(text)
        }
    }

    var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    var text: CollatedText? {
        if case .text(let text) = self { text } else { nil }
    }

    /// Whether a query counts the field as filled: an empty text is not.
    var isFilled: Bool {
        switch self {
        case .null: false
        case .text(let text): !text.text.isEmpty
        default: true
        }
    }
}

/// A text that compares as in SQL Server's usual collation, which ignores letter case and trailing spaces.
struct CollatedText: Hashable, Comparable, Sendable {
    let text: String
    /// The form that is compared.
    let key: String

    init(_ text: String) {
        self.text = text
        var key = text[...]
        while key.last == " " { key.removeLast() }
        self.key = key.lowercased()
    }

    static func == (left: CollatedText, right: CollatedText) -> Bool { left.key == right.key }
    static func < (left: CollatedText, right: CollatedText) -> Bool { left.key < right.key }
    func hash(into hasher: inout Hasher) { hasher.combine(key) }
}
