import Store

/// A query for rows that break a law. It describes each in a few words for an operator.
struct LawQuery: Sendable {
    /// A table that may be large. The first two parameters of its queries are the ends of a range of rows.
    enum Table {
        case jobs, outbox
        /// Also for the tables whose rows are found by their lane.
        case lanes
    }

    let law: StoreLaw
    private let table: Table?
    private let sql: StaticString
    private let value: (any Bindable & Sendable)?

    init(_ law: StoreLaw, of table: Table? = nil, _ sql: StaticString, with value: (any Bindable & Sendable)? = nil) {
        self.law = law
        self.table = table
        self.sql = sql
        self.value = value
    }

    fileprivate func rows(in looks: StoreFile.Looks) throws -> [String] {
        guard let table else { return try looks.read { try rows(StoreConnection($0)) } }
        var found: [String] = []
        try looks.forEachRange(of: table) { connection, range in
            if found.count < LawQuery.limit { found += try rows(connection, in: range) }
        }
        return found
    }

    private func rows(_ connection: StoreConnection) throws -> [String] {
        if let value { try rows(connection, with: value) } else { try connection.all(sql) { $0.text(0) } }
    }

    private func rows(_ connection: StoreConnection, with value: some Bindable) throws -> [String] {
        try connection.all(sql, value) { $0.text(0) }
    }

    private func rows(_ connection: StoreConnection, in range: ClosedRange<Int64>) throws -> [String] {
        if let value {
            try rows(connection, in: range, with: value)
        } else {
            try connection.all(sql, range.lowerBound, range.upperBound) { $0.text(0) }
        }
    }

    private func rows(_ connection: StoreConnection, in range: ClosedRange<Int64>, with value: some Bindable) throws -> [String] {
        try connection.all(sql, range.lowerBound, range.upperBound, value) { $0.text(0) }
    }

    fileprivate static let limit = 1000
}

extension StoreLaw {
    /// Returns rows that break the law: the first ``LawQuery/limit``, and all rows of the step that reached this limit.
    ///
    /// There may be many lanes, jobs and events. They are read in steps, each of which sees a state between two transactions.
    func breaches(in looks: StoreFile.Looks) throws -> [String] {
        if self == .sequenceIsUnique { return try SequenceUniqueness.breaches(in: looks) }
        var found: [String] = []
        for query in LawQuery.all where query.law == self && found.count < LawQuery.limit { found += try query.rows(in: looks) }
        // Several rows of a lane may break it.
        var seen: Set<String> = []
        return found.filter { seen.insert($0).inserted }
    }
}

extension StoreFile.Looks {
    /// Reads the rows of a table in steps of a few milliseconds.
    func forEachRange(of table: LawQuery.Table, _ body: (StoreConnection, ClosedRange<Int64>) throws -> Void) throws {
        try forEachRange(next: { try $0.next(of: table, from: $1) }, body)
    }
}

extension StoreConnection {
    fileprivate func next(of table: LawQuery.Table, from number: Int64) throws -> Int64? {
        let sql: StaticString =
            switch table {
            case .jobs: "SELECT MIN(place) FROM jobs WHERE place >= ?"
            case .lanes: "SELECT MIN(id) FROM lanes WHERE id >= ?"
            case .outbox: "SELECT MIN(position) FROM outbox WHERE position >= ?"
            }
        return try first(sql, number) { $0.optional(0, $0.integer) } ?? nil
    }
}
