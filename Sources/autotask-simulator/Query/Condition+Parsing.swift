import Contract

extension Condition {
    /// Reads a node of a filter: `{op, field, value}` or `{op: "and" | "or", items}`.
    init(_ json: JSON, for entity: Entity) throws(Refusal) {
        guard let op = json.member("op")?.string?.lowercased() else { throw Condition.invalid }
        if op == "and" || op == "or" {
            guard let items = json.member("items")?.array, !items.isEmpty else { throw Condition.invalid }
            let conditions = try items.map { (item) throws(Refusal) in try Condition(item, for: entity) }
            self = op == "and" ? .all(conditions) : .any(conditions)
            return
        }
        guard let name = json.member("field")?.string else { throw Condition.invalid }
        guard json.member("udf")?.bool != true, let index = entity.index(of: name) else { throw Refusal.unknownField(name, in: entity) }
        try self.init(op, index, entity.fields[index], json.member("value"))
    }

    private init(_ op: String, _ index: Int, _ field: Field, _ json: JSON?) throws(Refusal) {
        switch op {
        case "exist", "notexist":
            self = .filled(field: index, op == "exist")
        case "in", "notin":
            guard let elements = json?.array, !elements.isEmpty else { throw Condition.invalid }
            var values: Set<FieldValue> = []
            for element in elements { values.insert(try Condition.operand(element, for: field)) }
            self = .member(field: index, of: values, op == "in")
        default:
            guard let comparison = Comparison(rawValue: op), let json else { throw Condition.invalid }
            let value = try Condition.operand(json, for: field)
            switch comparison {
            case .beginsWith, .endsWith, .contains:
                guard field.kind == .string else { throw Condition.invalid }
            case .gt, .gte, .lt, .lte:
                guard field.kind != .boolean else { throw Condition.invalid }
            case .eq, .noteq: break
            }
            if field.name == "createDate", case .date(let text) = value {
                self = .compareDay(field: index, comparison, String(text.prefix(10)))
            } else {
                self = .compare(field: index, comparison, value)
            }
        }
    }

    /// Reads a value to compare with. Booleans must be true or false: "any other values, including null, will return an error"
    /// (documented).
    private static func operand(_ json: JSON, for field: Field) throws(Refusal) -> FieldValue {
        if field.kind == .boolean, json.bool == nil { throw invalid }
        let value = try field.value(from: json)
        guard value != .null else { throw invalid }
        return value
    }

    /// Inferred: the documentation has this beginning with another end.
    private static let invalid = Refusal("Invalid query syntax.")

    /// The number of conditions joined by OR: members of `or` groups and values of `in` lists.
    static func alternatives(in json: JSON, insideOr: Bool = false) -> Int {
        switch json.member("op")?.string?.lowercased() {
        case "or": (json.member("items")?.array ?? []).reduce(0) { $0 + alternatives(in: $1, insideOr: true) }
        case "and": (json.member("items")?.array ?? []).reduce(0) { $0 + alternatives(in: $1, insideOr: insideOr) }
        case "in", "notin": json.member("value")?.array?.count ?? 0
        default: insideOr ? 1 : 0
        }
    }
}
