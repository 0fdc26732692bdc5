import Contract

/// A parsed query.
struct Query: Sendable {
    /// The most records on a page, and the most OR conditions in a query.
    static let limit = 500

    let condition: Condition
    let pageSize: Int
    /// The indices of the fields to show; empty for all.
    let included: Set<Int>

    /// - Parameter json: `{"MaxRecords", "IncludeFields", "Filter"}`, with names in any letter case.
    init(_ json: JSON, for entity: Entity) throws(Refusal) {
        guard case .object = json else { throw Refusal.missingQuery }
        guard let filter = json.member("filter")?.array, !filter.isEmpty else {
            throw Refusal("Value cannot be null.\r\nParameter name: filter")
        }
        guard filter.reduce(0, { $0 + Condition.alternatives(in: $1) }) <= Query.limit else { throw Refusal.tooManyConditions }
        condition = .all(try filter.map { (node) throws(Refusal) in try Condition(node, for: entity) })

        switch json.member("maxRecords") {
        case nil, .null?: pageSize = Query.limit
        case let json?:
            guard let size = json.wholeNumber, (1...Int64(Query.limit)).contains(size) else {
                throw Refusal("MaxRecords must be a number from 1 to \(Query.limit).")
            }
            pageSize = Int(size)
        }

        var included: Set<Int> = []
        for name in json.member("includeFields")?.array ?? [] {
            let name = name.string ?? ""
            guard let index = entity.index(of: name) else { throw Refusal.unknownField(name, in: entity) }
            included.insert(index)
        }
        self.included = included
    }
}

/// One page of a query's result.
struct Page: Sendable {
    let records: [Record]
    /// The id after which the next page begins; `nil` on the last page.
    let next: Int64?

    /// - Parameter records: all visible records, in the order of their ids.
    init(of query: Query, from records: some Sequence<Record>, _ collation: Collation) {
        var page: [Record] = []
        var next: Int64?
        for record in records where query.condition.matches(record, collation) {
            if page.count == query.pageSize {
                next = page.last?.id
                break
            }
            page.append(record)
        }
        self.records = page
        self.next = next
    }
}
