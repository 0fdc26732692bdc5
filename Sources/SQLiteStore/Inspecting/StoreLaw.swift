import Contract
import Store

/// What holds of every store between two transactions (`Rules`, "States"). A store in which one of these does not hold is nothing that this
/// program leaves behind, whatever happens to it.
package enum StoreLaw: String, CaseIterable, Sendable {
    // Lanes.
    /// A lane is held by a worker if and only if a job of it runs.
    case heldWhileRunning
    /// Whoever holds a lane is among the workers: from one that is not, nobody takes over.
    case holderIsKnown
    /// The job that runs is one of the lane's unfinished.
    case runningIsUnfinished
    /// A free lane with unfinished jobs is in line, or has a time at which it will be.
    case workIsScheduled
    /// A lane that is held is not offered to others.
    case heldIsNotOffered
    /// Only a lane that is held has a place at an Autotask database.
    case freeOccupiesNothing
    /// There are no more lanes at one Autotask database than may be.
    case databaseIsShared
    /// The lane and its connection agree on the Autotask database.
    case databaseIsConnected
    /// The lane's count of unfinished jobs is correct.
    case backlogIsCounted
    /// The lane's epoch and its next sequence are ahead of every event's.
    case sequenceIsAhead
    /// Two events of an epoch have two sequences.
    case sequenceIsUnique

    // Jobs.
    /// A job belongs to a lane of its tenant.
    case jobHasLane
    /// An unfinished job has its kind and its payload; a check of the worker's own needs none.
    case unfinishedIsComplete
    /// A job that ended has nothing left of its payload.
    case finishedIsBlank
    /// A job that ended has its terminal event, and only such a one.
    case finishedHasEvent
    /// Attempts and interruptions are counted from zero.
    case countsArePossible
    /// A check of the worker's own is of a kind that there is, is nobody's, and is not there any more once it has ended.
    case checkIsNobodys

    // Connections and what follows from them.
    /// Credentials have their key.
    case credentialsHaveKey
    /// A key has its credentials.
    case keyHasCredentials
    /// Without a connection there is nothing that a reset would have to erase.
    case nothingOutlivesConnection
    /// A lane has moments for the worker's own checks as long as it has a connection.
    case checksFollowConnection
    /// A service that is Synced stands for one in Autotask.
    case syncedHasService

    // Writes to Autotask.
    /// A write that is settled has no entry.
    case settledIsForgotten
    /// A write that Autotask confirmed names the service.
    case confirmedHasService

    // Events.
    /// An event that waits to be published belongs to one of the workers: nobody else publishes it, or takes it over.
    case eventHasPublisher
    /// An event belongs to a lane.
    case eventHasLane

    // The whole.
    /// Whatever belongs to a lane belongs to one that exists.
    case everythingHasLane
    /// What rises over the whole store has not risen beyond its counter.
    case countersAreAhead
    /// Every status, kind, state, type and code is a word that this program knows.
    case wordsAreKnown
}

extension StoreLaw {
    /// Whether it takes sorting everything that is remembered.
    var isCostly: Bool { self == .sequenceIsUnique }

    /// Rows that break it, each in a few words for an operator: the first ``limit``.
    ///
    /// Jobs and events may be many: they are read in steps, each of which sees a state between two transactions.
    func breaches(in looks: StoreFile.Looks) throws -> [String] {
        if self == .sequenceIsUnique { return try SequenceUniqueness.breaches(in: looks) }
        var found: [String] = []
        for query in queries where found.count < StoreLaw.limit {
            guard let ends = try query.table.map({ table in try looks.read { try Connection($0).ends(of: table) } }) else {
                found += try looks.read { try query.rows(Connection($0)) }
                continue
            }
            guard let ends else { continue }
            try looks.forEachRange(from: ends.lowerBound, to: ends.upperBound) { connection, range in
                if found.count < StoreLaw.limit { found += try query.rows(connection, in: range) }
            }
        }
        // A lane may break it with several rows.
        var seen: Set<String> = []
        return found.filter { seen.insert($0).inserted }
    }

    private static let limit = 1000

    /// The queries for rows that break it.
    private var queries: [Query] {
        switch self {
        case .databaseIsShared:
            [
                Query(
                    "SELECT 'database ' || occupied FROM lanes WHERE occupied IS NOT NULL GROUP BY occupied HAVING COUNT(*) > ?",
                    with: ClaimRequest.lanesPerDatabase
                )
            ]
        case .finishedHasEvent:
            [
                Query(
                    of: .jobs,
                    """
                    SELECT tenant || ' ' || job_id FROM jobs
                    WHERE place BETWEEN ? AND ?
                        AND ((finished_at IS NULL) <> (event_id IS NULL) OR (finished_at IS NULL) <> (event_type IS NULL)
                        OR (finished_at IS NOT NULL AND (event_time IS NULL OR epoch IS NULL
                            OR event_type NOT IN (SELECT value FROM json_each(?)))))
                    """,
                    with: Words(EventType.allCases.filter(\.isTerminal)).json
                )
            ]
        case .wordsAreKnown: WordsOfColumn.all.map { Query(of: $0.table, $0.sql, with: $0.words.json) }
        case .sequenceIsAhead:
            [
                Query("SELECT tenant || '/' || product FROM lanes WHERE epoch < 1 OR next_sequence < 1"),
                Query(
                    of: .outbox,
                    """
                    SELECT l.tenant || '/' || l.product FROM outbox o JOIN lanes l ON l.tenant = o.tenant AND l.product = o.product
                    WHERE o.position BETWEEN ? AND ? AND (o.epoch > l.epoch OR (o.epoch = l.epoch AND o.sequence >= l.next_sequence))
                    """
                ),
                Query(
                    of: .jobs,
                    """
                    SELECT l.tenant || '/' || l.product FROM jobs j JOIN lanes l ON l.id = j.lane
                    WHERE j.place BETWEEN ? AND ? AND (j.epoch > l.epoch OR (j.epoch = l.epoch AND j.sequence >= l.next_sequence))
                    """
                ),
            ]
        case .jobHasLane, .finishedIsBlank, .countsArePossible: [Query(of: .jobs, sql)]
        case .eventHasPublisher, .eventHasLane: [Query(of: .outbox, sql)]
        default: [Query(sql)]
        }
    }

    /// A query for what breaks it.
    private var sql: StaticString {
        switch self {
        case .heldWhileRunning: "SELECT tenant || '/' || product FROM lanes WHERE (worker IS NULL) <> (running IS NULL)"
        case .holderIsKnown:
            "SELECT tenant || '/' || product FROM lanes WHERE worker IS NOT NULL AND worker NOT IN (SELECT id FROM workers)"
        case .runningIsUnfinished:
            """
            SELECT tenant || '/' || product FROM lanes l WHERE running IS NOT NULL AND NOT EXISTS
                (SELECT 1 FROM jobs j WHERE j.place = l.running AND j.lane = l.id AND j.finished_at IS NULL)
            """
        case .workIsScheduled:
            """
            SELECT tenant || '/' || product FROM lanes l WHERE worker IS NULL AND turn IS NULL AND wake_at IS NULL AND set_aside IS NULL
                AND EXISTS (SELECT 1 FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL)
            """
        case .backlogIsCounted:
            """
            SELECT tenant || '/' || product FROM lanes l WHERE backlog <>
                (SELECT COUNT(*) FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL AND j.is_scheduled = 0)
            """
        case .heldIsNotOffered:
            "SELECT tenant || '/' || product FROM lanes WHERE worker IS NOT NULL AND (turn IS NOT NULL OR wake_at IS NOT NULL)"
        case .freeOccupiesNothing: "SELECT tenant || '/' || product FROM lanes WHERE worker IS NULL AND occupied IS NOT NULL"
        case .databaseIsConnected:
            """
            SELECT tenant || '/' || product FROM lanes l LEFT JOIN connections c ON c.lane = l.id
            WHERE l.database_id IS NOT c.database_id
            """
        case .jobHasLane:
            """
            SELECT tenant || ' ' || job_id FROM jobs j WHERE j.place BETWEEN ? AND ?
                AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.tenant = j.tenant)
            """
        case .unfinishedIsComplete:
            "SELECT tenant || ' ' || job_id FROM jobs WHERE finished_at IS NULL AND ((payload IS NULL AND NOT is_scheduled) OR kind IS NULL)"
        case .finishedIsBlank:
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE place BETWEEN ? AND ? AND finished_at IS NOT NULL
                AND (payload IS NOT NULL OR plan IS NOT NULL OR expiry IS NOT NULL OR not_before IS NOT NULL)
            """
        case .countsArePossible:
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE place BETWEEN ? AND ? AND (attempts < 0 OR interruptions < 0 OR api_calls < 0)
            """
        case .checkIsNobodys:
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE is_scheduled <> 0 AND (kind NOT IN ('verify', 'drift') OR finished_at IS NOT NULL
                OR payload IS NOT NULL OR publisher IS NOT NULL OR has_written OR job_id NOT LIKE 'scheduled/%')
            """
        case .checksFollowConnection:
            """
            SELECT tenant || '/' || product FROM lanes l
            WHERE (SELECT COUNT(*) FROM checks c WHERE c.lane = l.id) <> 2 * (SELECT COUNT(*) FROM connections n WHERE n.lane = l.id)
            """
        case .credentialsHaveKey:
            """
            SELECT tenant || '/' || product FROM connections c JOIN lanes l ON l.id = c.lane
            WHERE length(c.credentials) = 0 OR c.lane NOT IN (SELECT lane FROM credential_keys WHERE length(wrapped_key) > 0)
            """
        case .keyHasCredentials:
            """
            SELECT tenant || '/' || product FROM credential_keys k JOIN lanes l ON l.id = k.lane
            WHERE k.lane NOT IN (SELECT lane FROM connections)
            """
        case .nothingOutlivesConnection:
            """
            SELECT tenant || '/' || product FROM lanes WHERE id NOT IN (SELECT lane FROM connections) AND (is_enabled
                OR id IN (SELECT lane FROM bindings UNION SELECT lane FROM journal UNION SELECT lane FROM billing_codes))
            """
        case .syncedHasService:
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM bindings b JOIN lanes l ON l.id = b.lane
            WHERE b.status = 'Synced' AND b.autotask_id IS NULL
            """
        case .settledIsForgotten:
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane WHERE state = 'verified'
            """
        case .confirmedHasService:
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
            WHERE state = 'confirmed' AND autotask_id IS NULL
            """
        case .eventHasPublisher:
            "SELECT tenant || '/' || product FROM outbox WHERE position BETWEEN ? AND ? AND worker NOT IN (SELECT id FROM workers)"
        case .eventHasLane:
            """
            SELECT tenant || '/' || product FROM outbox o
            WHERE o.position BETWEEN ? AND ?
                AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.tenant = o.tenant AND l.product = o.product)
            """
        case .everythingHasLane:
            """
            SELECT part || ' of lane ' || lane FROM
                (SELECT 'plan' AS part, lane FROM plans UNION SELECT 'connection', lane FROM connections
                UNION SELECT 'key', lane FROM credential_keys UNION SELECT 'refused credentials', lane FROM refused_credentials
                UNION SELECT 'billing codes', lane FROM billing_codes UNION SELECT 'binding', lane FROM bindings
                UNION SELECT 'write', lane FROM journal UNION SELECT 'check', lane FROM checks)
            WHERE lane NOT IN (SELECT id FROM lanes)
            """
        case .countersAreAhead:
            """
            SELECT name FROM (SELECT 'place' AS name, MAX(place) AS highest FROM jobs UNION SELECT 'position', MAX(position) FROM outbox
                UNION SELECT 'turn', MAX(turn) FROM lanes) risen
            WHERE highest > COALESCE((SELECT value FROM counters c WHERE c.name = risen.name), 0)
            """
        case .databaseIsShared, .finishedHasEvent, .wordsAreKnown, .sequenceIsAhead, .sequenceIsUnique:
            preconditionFailure("\(self) has queries of its own")
        }
    }
}

/// A query for rows that break a law.
private struct Query {
    /// A table that may be large: the query takes the ends of a range of its rows first.
    enum Table {
        case jobs, outbox
    }

    let table: Table?
    private let sql: StaticString
    private let value: (any Bindable)?

    init(of table: Table? = nil, _ sql: StaticString, with value: (any Bindable)? = nil) {
        self.table = table
        self.sql = sql
        self.value = value
    }

    func rows(_ connection: Connection) throws -> [String] {
        if let value { try connection.all(sql, value) { $0.text(0) } } else { try connection.all(sql) { $0.text(0) } }
    }

    func rows(_ connection: Connection, in range: ClosedRange<Int64>) throws -> [String] {
        if let value {
            try connection.all(sql, range.lowerBound, range.upperBound, value) { $0.text(0) }
        } else {
            try connection.all(sql, range.lowerBound, range.upperBound) { $0.text(0) }
        }
    }
}

extension Connection {
    /// The numbers of the first and the last row; `nil` without rows.
    fileprivate func ends(of table: Query.Table) throws -> ClosedRange<Int64>? {
        let read: (ResultRow) -> ClosedRange<Int64>? = { $0.isNull(0) ? nil : $0.integer(0)...$0.integer(1) }
        return switch table {
        case .jobs: try first("SELECT (SELECT MIN(place) FROM jobs), (SELECT MAX(place) FROM jobs)", read: read) ?? nil
        case .outbox: try first("SELECT (SELECT MIN(position) FROM outbox), (SELECT MAX(position) FROM outbox)", read: read) ?? nil
        }
    }
}

/// Whether no two events of an epoch have the same sequence: reads all of them in steps, and keeps four bytes of each.
private struct SequenceUniqueness {
    private struct Epoch: Hashable {
        let lane: Int64
        let number: Int64
    }

    /// By sequence, a trace of the event's id; 0 where none was seen. Sequences are without gaps.
    private var traces: [Epoch: [UInt32]] = [:]
    /// Sequences that no worker assigned.
    private var strays: [Epoch: [Int64: UInt32]] = [:]
    private var found: Set<String> = []

    static func breaches(in looks: StoreFile.Looks) throws -> [String] {
        var state = SequenceUniqueness()
        for (table, sql) in sources {
            guard let ends = try looks.read({ try Connection($0).ends(of: table) }) else { continue }
            try looks.forEachRange(from: ends.lowerBound, to: ends.upperBound) { connection, range in
                let rows = try connection.all(sql, range.lowerBound, range.upperBound) { row in
                    (
                        epoch: Epoch(lane: row.integer(0), number: row.integer(1)), sequence: row.integer(2), id: row.text(3),
                        name: row.text(4)
                    )
                }
                for row in rows { state.take(row.epoch, row.sequence, row.id, row.name) }
            }
        }
        return state.found.sorted()
    }

    private static let sources: [(Query.Table, StaticString)] = [
        (
            .jobs,
            """
            SELECT j.lane, j.epoch, j.sequence, j.event_id, l.tenant || '/' || l.product FROM jobs j JOIN lanes l ON l.id = j.lane
            WHERE j.place BETWEEN ? AND ? AND j.sequence IS NOT NULL
            """
        ),
        (
            .outbox,
            """
            SELECT l.id, o.epoch, o.sequence, o.event_id, l.tenant || '/' || l.product
            FROM outbox o JOIN lanes l ON l.tenant = o.tenant AND l.product = o.product
            WHERE o.position BETWEEN ? AND ? AND o.sequence IS NOT NULL
            """
        ),
    ]

    private mutating func take(_ epoch: Epoch, _ sequence: Int64, _ id: String, _ name: String) {
        let trace = UInt32(truncatingIfNeeded: id.hashValue) | 1
        let other: UInt32
        if (0..<10_000_000).contains(sequence) {
            var known = traces.removeValue(forKey: epoch) ?? []
            let index = Int(sequence)
            if known.count <= index { known.append(contentsOf: repeatElement(0, count: index + 1 - known.count)) }
            other = known[index]
            known[index] = trace
            traces[epoch] = known
        } else {
            other = strays[epoch, default: [:]].updateValue(trace, forKey: sequence) ?? 0
        }
        if other != 0, other != trace { found.insert("\(name), epoch \(epoch.number), sequence \(sequence)") }
    }
}

/// Words of a closed vocabulary, as a query takes them.
private struct Words: Sendable {
    let json: String

    init(_ words: some Sequence<some RawRepresentable<String>>) {
        json = String(decoding: JSON.array(words.map { .string($0.rawValue) }).encoded, as: UTF8.self)
    }
}

/// A column that holds one of some words, with a query for the rows in which it does not. What stands there instead is not shown: nobody knows
/// what it is.
private struct WordsOfColumn {
    var table: Query.Table?
    let sql: StaticString
    let words: Words

    static let all = [
        WordsOfColumn(
            sql: "SELECT 'lanes.product of ' || tenant FROM lanes WHERE product NOT IN (SELECT value FROM json_each(?))",
            words: Words(Product.allCases)
        ),
        WordsOfColumn(
            table: .jobs,
            sql: """
                SELECT 'jobs.kind of ' || tenant || ' ' || job_id FROM jobs
                WHERE place BETWEEN ? AND ? AND kind NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(JobKind.allCases)
        ),
        WordsOfColumn(
            table: .jobs,
            sql: """
                SELECT 'jobs.event_type of ' || tenant || ' ' || job_id FROM jobs
                WHERE place BETWEEN ? AND ? AND event_type NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(EventType.allCases)
        ),
        WordsOfColumn(
            sql: """
                SELECT 'checks.kind of ' || tenant || '/' || product FROM checks c JOIN lanes l ON l.id = c.lane
                WHERE kind NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(JobKind.scheduled)
        ),
        WordsOfColumn(
            sql: """
                SELECT 'connections.status of ' || tenant || '/' || product FROM connections c JOIN lanes l ON l.id = c.lane
                WHERE status NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words([ConnectionRecord.Status.connected, .credentialsRejected, .databaseMismatch])
        ),
        WordsOfColumn(
            sql: """
                SELECT 'refused_credentials.code of ' || tenant || '/' || product FROM refused_credentials r JOIN lanes l ON l.id = r.lane
                WHERE code NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(ErrorCode.allCases)
        ),
        WordsOfColumn(
            sql: """
                SELECT 'bindings.status of ' || tenant || '/' || product || ' ' || service_key FROM bindings b JOIN lanes l ON l.id = b.lane
                WHERE status NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(ServiceStatus.allCases)
        ),
        WordsOfColumn(
            sql: """
                SELECT 'bindings.last_error of ' || tenant || '/' || product || ' ' || service_key
                FROM bindings b JOIN lanes l ON l.id = b.lane WHERE last_error NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(ErrorCode.allCases)
        ),
        WordsOfColumn(
            sql: """
                SELECT 'journal.operation of ' || tenant || '/' || product || ' ' || service_key
                FROM journal j JOIN lanes l ON l.id = j.lane WHERE operation NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words([JournalEntry.Operation.create, .update])
        ),
        WordsOfColumn(
            sql: """
                SELECT 'journal.state of ' || tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
                WHERE state NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words([JournalEntry.State.intended, .sent, .confirmed, .verified])
        ),
        WordsOfColumn(
            table: .outbox,
            sql: """
                SELECT 'outbox.type of ' || tenant || '/' || product FROM outbox
                WHERE position BETWEEN ? AND ? AND type NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(EventType.allCases)
        ),
        WordsOfColumn(
            table: .outbox,
            sql: """
                SELECT 'outbox.product of ' || tenant FROM outbox
                WHERE position BETWEEN ? AND ? AND product NOT IN (SELECT value FROM json_each(?))
                """,
            words: Words(Product.allCases)
        ),
    ]
}
