import Contract

/// One alternative of a query's filter: a field that equals a value.
struct QueryCondition {
    let field: String
    let value: JSON
}

/// The fields that a query asks for.
struct QueryFields: Sendable {
    /// A JSON array.
    let json: String
    let names: JSONMemberNames

    init(_ names: [String]) {
        json = "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        self.names = JSONMemberNames(names)
    }
}

/// The result of reading one record of a query's answer.
enum RecordReading<Record> {
    case record(Record)
    /// An unreadable record that the query is not about: it is left out, and the others are read. Its id may also be unreadable.
    case notOurs(id: Int64?)
    /// An unreadable record that the query may be about.
    case unreadable
}

extension AutotaskSession {
    /// The maximum number of alternatives in a query, and of records on a page ("Queries are limited to 500 or fewer 'OR' conditions").
    static let maximumConditions = 500

    /// The records that meet any of the conditions, each once.
    ///
    /// The next page is requested by the last id and not by `nextPageUrl`, which needs a POST with the same body and may lead anywhere.
    ///
    /// - Parameters:
    ///   - fields: the fields to return, including `id`. Autotask may return others too, which are not read.
    ///   - read: reads a record from its JSON.
    func records<Record>(
        anyOf conditions: [QueryCondition],
        fields: QueryFields,
        by operation: AutotaskOperation,
        id: (Record) -> Int64,
        read: (JSON) -> RecordReading<Record>
    ) async throws(AutotaskError) -> [Record] {
        var records: [Record] = []
        var known: Set<Int64> = []
        var spent = Spending()
        var rest = conditions[...]
        while !rest.isEmpty {
            let filter = RequestBody.filter(anyOf: rest.prefix(AutotaskSession.maximumConditions))
            rest = rest.dropFirst(AutotaskSession.maximumConditions)
            var last: Int64?
            var chunk: Set<Int64> = []
            repeat {
                let body = RequestBody.query(fields: fields.json, filter: filter, after: last)
                let answer = try await answer(to: operation, body: body, reading: fields.names)
                try spent.pay(for: answer)
                let page = try QueryPage(answer, after: last, id: id, read: read)
                guard page.ids.allSatisfy({ chunk.insert($0).inserted }) else {
                    throw answer.malformed("a query brings a record twice")
                }
                // Only another chunk can return a record again.
                if conditions.count <= AutotaskSession.maximumConditions {
                    records += page.records
                } else {
                    records += page.records.filter { known.insert(id($0)).inserted }
                }
                last = page.lastID
            } while last != nil
        }
        return records
    }

    /// The cost of the answers to one query so far. It bounds a query whose pages never end.
    private struct Spending {
        private var pages = 0
        private var bytes = 0
        private var time: Duration = .zero

        mutating func pay(for answer: Answer) throws(AutotaskError) {
            pages += 1
            bytes += answer.size
            time += answer.elapsed
            guard pages <= AnswerLimits.pages else { throw answer.malformed("a query has more pages than are read") }
            guard bytes <= AnswerLimits.bytes else { throw answer.malformed("a query's pages are larger than allowed") }
            guard time <= AnswerLimits.queryTime else {
                throw AutotaskError(.timedOut, message: "a query's pages take longer than allowed", status: answer.status)
            }
        }
    }

    /// One page of a query's answer.
    private struct QueryPage<Record> {
        let records: [Record]
        /// The ids of all records of the page, including those that are left out.
        let ids: [Int64]
        /// The id after which the next page begins; `nil` if this was the last page.
        let lastID: Int64?

        init(_ answer: Answer, after previous: Int64?, id: (Record) -> Int64, read: (JSON) -> RecordReading<Record>) throws(AutotaskError) {
            guard let items = answer.body[anyCase: "items"]?.array else { throw answer.malformed("a query's items are missing") }
            guard items.count <= maximumConditions else { throw answer.malformed("a page holds more records than were asked for") }
            var records: [Record] = []
            records.reserveCapacity(items.count)
            var ids: [Int64] = []
            ids.reserveCapacity(items.count)
            for item in items {
                switch read(item) {
                case .record(let record):
                    records.append(record)
                    ids.append(id(record))
                case .notOurs(let id): if let id { ids.append(id) }
                case .unreadable: throw answer.malformed("an item of a query is not what was asked for")
                }
            }
            self.records = records
            self.ids = ids
            // A blank link means that there is no further page.
            let next = answer.body[anyCase: "pageDetails"]?[anyCase: "nextPageUrl"]?.string
            let hasNext = next.map { !$0.allSatisfy(\.isWhitespace) } ?? false
            guard hasNext || items.count >= maximumConditions else {
                lastID = nil
                return
            }
            // Pages out of order would silently lose records, or never end.
            var last = previous ?? Int64.min
            for id in ids {
                guard id > last else { throw answer.malformed("a query's pages are not in the order of their ids") }
                last = id
            }
            guard !ids.isEmpty else { throw answer.malformed("an empty page promises another") }
            lastID = last
        }
    }
}
