import Contract

/// A node of a filter, checked against the entity's fields.
indirect enum Condition: Sendable {
    case all([Condition])
    case any([Condition])
    case filled(field: Int, Bool)
    case compare(field: Int, Comparison, FieldValue)
    case member(field: Int, of: Set<FieldValue>, Bool)
    /// `createDate` is compared by its day (observed).
    case compareDay(field: Int, Comparison, String)

    /// The operators that compare with one value.
    enum Comparison: String, Sendable {
        case eq, noteq, gt, gte, lt, lte
        case beginsWith = "beginswith"
        case endsWith = "endswith"
        case contains
    }
}

extension Condition {
    func matches(_ record: Record, _ collation: Collation) -> Bool {
        switch self {
        case .all(let conditions): conditions.allSatisfy { $0.matches(record, collation) }
        case .any(let conditions): conditions.contains { $0.matches(record, collation) }
        case .filled(let field, let wanted): record.values[field].isFilled == wanted
        case .compare(let field, let comparison, let value):
            comparison.holds(collation.folded(record.values[field]), collation.folded(value))
        case .member(let field, let values, let wanted):
            record.values[field] != .null && collation.contains(record.values[field], in: values) == wanted
        case .compareDay(let field, let comparison, let day):
            if case .date(let text) = record.values[field] { comparison.holds(.date(String(text.prefix(10))), .date(day)) } else { false }
        }
    }
}

extension Condition.Comparison {
    /// Compares as SQL does: no comparison with null holds.
    fileprivate func holds(_ left: FieldValue, _ right: FieldValue) -> Bool {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): compare(left, right)
        case (.money(let left), .money(let right)): compare(left, right)
        case (.date(let left), .date(let right)): compare(left, right)
        case (.bool(let left), .bool(let right)): self == .eq ? left == right : self == .noteq && left != right
        case (.text(let left), .text(let right)):
            switch self {
            case .beginsWith: left.key.hasPrefix(right.key)
            case .endsWith: left.key.hasSuffix(right.key)
            case .contains: left.key.contains(right.key)
            default: compare(left, right)
            }
        default: false
        }
    }

    private func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .eq: left == right
        case .noteq: left != right
        case .gt: left > right
        case .gte: left >= right
        case .lt: left < right
        case .lte: left <= right
        case .beginsWith, .endsWith, .contains: false
        }
    }
}
