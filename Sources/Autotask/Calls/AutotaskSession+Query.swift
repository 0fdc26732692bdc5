import Contract

/// One alternative of a query's filter: a field that equals a value.
struct QueryCondition {
    let field: String
    let value: JSON
}

/// The result of reading one record of a query's answer.
enum RecordReading<Record> {
    case record(Record)
    /// It cannot be read, and the query is not about it: it is left out, and the others are read. Its id may be unreadable too.
    case notOurs(id: Int64?)
    /// It cannot be read, and the query may be about it.
    case unreadable
}

extension AutotaskSession {
    /// How many alternatives a query may have, and how many records a page ("Queries are limited to 500 or fewer 'OR' conditions").
    static let maximumConditions = 500

    /// The records that meet any of the conditions, each once.
    ///
    /// Pages are told by the last id and not by `nextPageUrl`, which has to be posted with the body it came from and may lead anywhere.
    ///
    /// - Parameters:
    ///   - fields: a JSON array of the names of the fields to return, `id` among them.
    ///   - read: makes a record of its JSON.
    func records<Record>(
        anyOf conditions: [QueryCondition],
        fields: String,
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
                let body = RequestBody.query(fields: fields, filter: filter, after: last)
                let answer = try await answer(to: operation, body: body)
                try spent.pay(for: answer)
                let page = try QueryPage(answer, after: last, id: id, read: read)
                guard page.ids.allSatisfy({ chunk.insert($0).inserted }) else {
                    throw answer.malformed("a query brings a record twice")
                }
                // Only another chunk can bring a record a second time.
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

    /// What the answers to one query have cost so far: they may promise another page for ever.
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
        /// Counts all records of the page, also those that are left out.
        let ids: [Int64]
        /// After which id the next page begins; `nil` if this was the last.
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
            // A page that is out of order, or does not begin after the one before, would lose records silently, or never end.
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
