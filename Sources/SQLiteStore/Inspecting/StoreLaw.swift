import Contract
import Store

/// What holds of every store between two transactions (`rules.md` 4). A store in which one of these does not hold is nothing that this
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
    /// The lane's count of unfinished jobs is what there is.
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

    /// What breaks it, each in a few words for an operator.
    func breaches(in connection: Connection) throws -> [String] {
        switch self {
        case .databaseIsShared:
            return try connection.all(
                "SELECT 'database ' || occupied FROM lanes WHERE occupied IS NOT NULL GROUP BY occupied HAVING COUNT(*) > ?",
                ClaimRequest.lanesPerDatabase
            ) { $0.text(0) }
        case .finishedHasEvent:
            return try connection.all(
                """
                SELECT tenant || ' ' || job_id FROM jobs
                WHERE (finished_at IS NULL) <> (event_id IS NULL) OR (finished_at IS NULL) <> (event_type IS NULL)
                    OR (finished_at IS NOT NULL AND (event_time IS NULL OR epoch IS NULL
                        OR event_type NOT IN (SELECT value FROM json_each(?))))
                """,
                Words(EventType.allCases.filter(\.isTerminal)).json
            ) { $0.text(0) }
        case .wordsAreKnown: return try WordsOfColumn.all.flatMap { try connection.all($0.sql, $0.words.json) { $0.text(0) } }
        default: return try connection.all(sql) { $0.text(0) }
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
            SELECT tenant || '/' || product FROM lanes l WHERE worker IS NULL AND turn IS NULL AND wake_at IS NULL
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
        case .sequenceIsAhead:
            """
            SELECT tenant || '/' || product FROM lanes l
            WHERE epoch < 1 OR next_sequence < 1
                OR EXISTS (SELECT 1 FROM outbox o WHERE o.tenant = l.tenant AND o.product = l.product
                    AND (o.epoch > l.epoch OR (o.epoch = l.epoch AND o.sequence >= l.next_sequence)))
            UNION
            SELECT l.tenant || '/' || l.product FROM jobs j JOIN lanes l ON l.id = j.lane
            WHERE j.epoch > l.epoch OR (j.epoch = l.epoch AND j.sequence >= l.next_sequence)
            """
        case .sequenceIsUnique:
            """
            SELECT tenant || '/' || product || ', epoch ' || epoch || ', sequence ' || sequence FROM
                (SELECT tenant, product, epoch, sequence, event_id FROM outbox
                UNION SELECT l.tenant, l.product, j.epoch, j.sequence, j.event_id FROM jobs j JOIN lanes l ON l.id = j.lane)
            WHERE sequence IS NOT NULL GROUP BY tenant, product, epoch, sequence HAVING COUNT(*) > 1
            """
        case .jobHasLane:
            "SELECT tenant || ' ' || job_id FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.tenant = j.tenant)"
        case .unfinishedIsComplete:
            "SELECT tenant || ' ' || job_id FROM jobs WHERE finished_at IS NULL AND ((payload IS NULL AND NOT is_scheduled) OR kind IS NULL)"
        case .finishedIsBlank:
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE finished_at IS NOT NULL
                AND (payload IS NOT NULL OR plan IS NOT NULL OR revision IS NOT NULL OR expiry IS NOT NULL OR not_before IS NOT NULL)
            """
        case .countsArePossible: "SELECT tenant || ' ' || job_id FROM jobs WHERE attempts < 0 OR interruptions < 0 OR api_calls < 0"
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
        case .eventHasPublisher: "SELECT tenant || '/' || product FROM outbox WHERE worker NOT IN (SELECT id FROM workers)"
        case .eventHasLane:
            """
            SELECT tenant || '/' || product FROM outbox o
            WHERE NOT EXISTS (SELECT 1 FROM lanes l WHERE l.tenant = o.tenant AND l.product = o.product)
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
        case .databaseIsShared, .finishedHasEvent, .wordsAreKnown: preconditionFailure("\(self) has a query with words of its own")
        }
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
    let sql: StaticString
    let words: Words

    static let all = [
        WordsOfColumn(
            sql: "SELECT 'lanes.product of ' || tenant FROM lanes WHERE product NOT IN (SELECT value FROM json_each(?))",
            words: Words(Product.allCases)
        ),
        WordsOfColumn(
            sql: "SELECT 'jobs.kind of ' || tenant || ' ' || job_id FROM jobs WHERE kind NOT IN (SELECT value FROM json_each(?))",
            words: Words(JobKind.allCases)
        ),
        WordsOfColumn(
            sql:
                "SELECT 'jobs.event_type of ' || tenant || ' ' || job_id FROM jobs WHERE event_type NOT IN (SELECT value FROM json_each(?))",
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
            sql: "SELECT 'outbox.type of ' || tenant || '/' || product FROM outbox WHERE type NOT IN (SELECT value FROM json_each(?))",
            words: Words(EventType.allCases)
        ),
        WordsOfColumn(
            sql: "SELECT 'outbox.product of ' || tenant FROM outbox WHERE product NOT IN (SELECT value FROM json_each(?))",
            words: Words(Product.allCases)
        ),
    ]
}
