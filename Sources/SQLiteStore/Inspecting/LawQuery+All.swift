import Contract
import Store

extension LawQuery {
    /// The queries of every law except the one that needs all events (``SequenceUniqueness``).
    static let all: [LawQuery] = [
        LawQuery(
            .heldWhileRunning,
            of: .lanes,
            "SELECT tenant || '/' || product FROM lanes WHERE id BETWEEN ? AND ? AND (worker IS NULL) <> (running IS NULL)"
        ),
        LawQuery(
            .holderIsKnown,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes
            WHERE id BETWEEN ? AND ? AND worker IS NOT NULL AND worker NOT IN (SELECT id FROM workers)
            """
        ),
        LawQuery(
            .runningIsUnfinished,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l WHERE l.id BETWEEN ? AND ? AND running IS NOT NULL AND NOT EXISTS
                (SELECT 1 FROM jobs j WHERE j.place = l.running AND j.lane = l.id AND j.finished_at IS NULL)
            """
        ),
        LawQuery(
            .workIsScheduled,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l
            WHERE l.id BETWEEN ? AND ? AND worker IS NULL AND turn IS NULL AND wake_at IS NULL AND set_aside IS NULL
                AND EXISTS (SELECT 1 FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL)
            """
        ),
        LawQuery(
            .heldIsNotOffered,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes
            WHERE id BETWEEN ? AND ? AND worker IS NOT NULL AND (turn IS NOT NULL OR wake_at IS NOT NULL)
            """
        ),
        LawQuery(
            .freeOccupiesNothing,
            of: .lanes,
            "SELECT tenant || '/' || product FROM lanes WHERE id BETWEEN ? AND ? AND worker IS NULL AND occupied IS NOT NULL"
        ),
        LawQuery(
            .databaseIsShared,
            "SELECT 'database ' || occupied FROM lanes WHERE occupied IS NOT NULL GROUP BY occupied HAVING COUNT(*) > ?",
            with: ClaimRequest.lanesPerDatabase
        ),
        LawQuery(
            .databaseIsConnected,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l LEFT JOIN connections c ON c.lane = l.id
            WHERE l.id BETWEEN ? AND ? AND l.database_id IS NOT c.database_id
            """
        ),
        LawQuery(
            .backlogIsCounted,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l WHERE l.id BETWEEN ? AND ? AND backlog <>
                (SELECT COUNT(*) FROM jobs j WHERE j.lane = l.id AND j.finished_at IS NULL AND j.is_scheduled = 0)
            """
        ),
        LawQuery(
            .sequenceIsAhead,
            of: .lanes,
            "SELECT tenant || '/' || product FROM lanes WHERE id BETWEEN ? AND ? AND (epoch < 1 OR next_sequence < 1)"
        ),
        LawQuery(
            .sequenceIsAhead,
            of: .outbox,
            """
            SELECT l.tenant || '/' || l.product FROM outbox o JOIN lanes l ON l.tenant = o.tenant AND l.product = o.product
            WHERE o.position BETWEEN ? AND ? AND (o.epoch > l.epoch OR (o.epoch = l.epoch AND o.sequence >= l.next_sequence))
            """
        ),
        LawQuery(
            .sequenceIsAhead,
            of: .jobs,
            """
            SELECT l.tenant || '/' || l.product FROM jobs j JOIN lanes l ON l.id = j.lane
            WHERE j.place BETWEEN ? AND ? AND (j.epoch > l.epoch OR (j.epoch = l.epoch AND j.sequence >= l.next_sequence))
            """
        ),
        LawQuery(
            .jobHasLane,
            of: .jobs,
            """
            SELECT tenant || ' ' || job_id FROM jobs j WHERE j.place BETWEEN ? AND ?
                AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.id = j.lane AND l.tenant = j.tenant)
            """
        ),
        LawQuery(
            .unfinishedIsComplete,
            of: .lanes,
            """
            SELECT tenant || ' ' || job_id FROM jobs
            WHERE lane BETWEEN ? AND ? AND finished_at IS NULL AND ((payload IS NULL AND NOT is_scheduled) OR kind IS NULL)
            """
        ),
        LawQuery(
            .finishedIsBlank,
            of: .jobs,
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE place BETWEEN ? AND ? AND finished_at IS NOT NULL
                AND (payload IS NOT NULL OR expiry IS NOT NULL OR not_before IS NOT NULL)
            """
        ),
        LawQuery(
            .finishedHasEvent,
            of: .jobs,
            """
            SELECT tenant || ' ' || job_id FROM jobs
            WHERE place BETWEEN ? AND ?
                AND ((finished_at IS NULL) <> (event_id IS NULL) OR (finished_at IS NULL) <> (event_type IS NULL)
                OR (finished_at IS NOT NULL AND (event_time IS NULL OR epoch IS NULL
                    OR event_type NOT IN (SELECT value FROM json_each(?)))))
            """,
            with: Words(EventType.allCases.filter(\.isTerminal)).json
        ),
        LawQuery(
            .countsArePossible,
            of: .jobs,
            """
            SELECT tenant || ' ' || job_id FROM jobs WHERE place BETWEEN ? AND ? AND (attempts < 0 OR interruptions < 0 OR api_calls < 0)
            """
        ),
        LawQuery(
            .checkIsNobodys,
            of: .lanes,
            """
            SELECT tenant || ' ' || job_id FROM jobs
            WHERE lane BETWEEN ? AND ? AND is_scheduled <> 0 AND (kind NOT IN ('verify', 'drift') OR finished_at IS NOT NULL
                OR payload IS NOT NULL OR publisher IS NOT NULL OR has_written OR job_id NOT LIKE 'scheduled/%')
            """
        ),
        LawQuery(
            .credentialsHaveKey,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM connections c JOIN lanes l ON l.id = c.lane
            WHERE c.lane BETWEEN ? AND ? AND (length(c.credentials) = 0
                OR NOT EXISTS (SELECT 1 FROM credential_keys k WHERE k.lane = c.lane AND length(k.wrapped_key) > 0))
            """
        ),
        LawQuery(
            .keyHasCredentials,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM credential_keys k JOIN lanes l ON l.id = k.lane
            WHERE k.lane BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.lane = k.lane)
            """
        ),
        LawQuery(
            .nothingOutlivesConnection,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l
            WHERE l.id BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.lane = l.id) AND (is_enabled
                OR EXISTS (SELECT 1 FROM bindings b WHERE b.lane = l.id) OR EXISTS (SELECT 1 FROM journal j WHERE j.lane = l.id)
                OR EXISTS (SELECT 1 FROM billing_codes b WHERE b.lane = l.id))
            """
        ),
        LawQuery(
            .checksFollowConnection,
            of: .lanes,
            """
            SELECT tenant || '/' || product FROM lanes l
            WHERE l.id BETWEEN ? AND ?
                AND (SELECT COUNT(*) FROM checks c WHERE c.lane = l.id) <> 2 * (SELECT COUNT(*) FROM connections n WHERE n.lane = l.id)
            """
        ),
        LawQuery(
            .syncedHasService,
            of: .lanes,
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM bindings b JOIN lanes l ON l.id = b.lane
            WHERE b.lane BETWEEN ? AND ? AND b.status = 'Synced' AND b.autotask_id IS NULL
            """
        ),
        LawQuery(
            .settledIsForgotten,
            of: .lanes,
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
            WHERE j.lane BETWEEN ? AND ? AND state = 'verified'
            """
        ),
        LawQuery(
            .confirmedHasService,
            of: .lanes,
            """
            SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
            WHERE j.lane BETWEEN ? AND ? AND state = 'confirmed' AND autotask_id IS NULL
            """
        ),
        LawQuery(
            .eventHasPublisher,
            of: .outbox,
            "SELECT tenant || '/' || product FROM outbox WHERE position BETWEEN ? AND ? AND worker NOT IN (SELECT id FROM workers)"
        ),
        LawQuery(
            .eventHasLane,
            of: .outbox,
            """
            SELECT tenant || '/' || product FROM outbox o
            WHERE o.position BETWEEN ? AND ?
                AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.tenant = o.tenant AND l.product = o.product)
            """
        ),
        LawQuery(
            .everythingHasLane,
            """
            SELECT part || ' of lane ' || lane FROM
                (SELECT 'plan' AS part, lane FROM plans UNION SELECT 'connection', lane FROM connections
                UNION SELECT 'key', lane FROM credential_keys UNION SELECT 'refused credentials', lane FROM refused_credentials
                UNION SELECT 'billing codes', lane FROM billing_codes UNION SELECT 'binding', lane FROM bindings
                UNION SELECT 'write', lane FROM journal UNION SELECT 'check', lane FROM checks)
            WHERE lane NOT IN (SELECT id FROM lanes)
            """
        ),
        LawQuery(
            .countersAreAhead,
            """
            SELECT name FROM (SELECT 'place' AS name, MAX(place) AS highest FROM jobs UNION SELECT 'position', MAX(position) FROM outbox
                UNION SELECT 'turn', MAX(turn) FROM lanes UNION SELECT 'operation', MAX(id) FROM operations) risen
            WHERE highest > COALESCE((SELECT value FROM counters c WHERE c.name = risen.name), 0)
            """
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            "SELECT 'lanes.product of ' || tenant FROM lanes WHERE id BETWEEN ? AND ? AND product NOT IN (SELECT value FROM json_each(?))",
            with: Words(Product.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .jobs,
            """
            SELECT 'jobs.kind of ' || tenant || ' ' || job_id FROM jobs
            WHERE place BETWEEN ? AND ? AND kind NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(JobKind.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .jobs,
            """
            SELECT 'jobs.event_type of ' || tenant || ' ' || job_id FROM jobs
            WHERE place BETWEEN ? AND ? AND event_type NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(EventType.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .jobs,
            """
            SELECT 'jobs.code of ' || tenant || ' ' || job_id FROM jobs
            WHERE place BETWEEN ? AND ? AND code NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(ErrorCode.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'checks.kind of ' || tenant || '/' || product FROM checks c JOIN lanes l ON l.id = c.lane
            WHERE c.lane BETWEEN ? AND ? AND kind NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(JobKind.scheduled).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'connections.status of ' || tenant || '/' || product FROM connections c JOIN lanes l ON l.id = c.lane
            WHERE c.lane BETWEEN ? AND ? AND status NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words([ConnectionRecord.Status.connected, .credentialsRejected, .databaseMismatch]).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'refused_credentials.code of ' || tenant || '/' || product FROM refused_credentials r JOIN lanes l ON l.id = r.lane
            WHERE r.lane BETWEEN ? AND ? AND code NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(ErrorCode.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'bindings.status of ' || tenant || '/' || product || ' ' || service_key FROM bindings b JOIN lanes l ON l.id = b.lane
            WHERE b.lane BETWEEN ? AND ? AND status NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(ServiceStatus.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'bindings.last_error of ' || tenant || '/' || product || ' ' || service_key
            FROM bindings b JOIN lanes l ON l.id = b.lane WHERE b.lane BETWEEN ? AND ? AND last_error NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(ErrorCode.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'journal.operation of ' || tenant || '/' || product || ' ' || service_key
            FROM journal j JOIN lanes l ON l.id = j.lane WHERE j.lane BETWEEN ? AND ? AND operation NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words([JournalEntry.Operation.create, .update]).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .lanes,
            """
            SELECT 'journal.state of ' || tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
            WHERE j.lane BETWEEN ? AND ? AND state NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words([JournalEntry.State.intended, .sent, .confirmed, .verified]).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .outbox,
            """
            SELECT 'outbox.type of ' || tenant || '/' || product FROM outbox
            WHERE position BETWEEN ? AND ? AND type NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(EventType.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            of: .outbox,
            """
            SELECT 'outbox.product of ' || tenant FROM outbox
            WHERE position BETWEEN ? AND ? AND product NOT IN (SELECT value FROM json_each(?))
            """,
            with: Words(Product.allCases).json
        ),
        LawQuery(
            .wordsAreKnown,
            "SELECT 'operations.action of ' || id FROM operations WHERE action NOT IN (SELECT value FROM json_each(?))",
            with: Words(LetterOperationOrder.Action.allCases).json
        ),
    ]
}

/// The words of a closed vocabulary, as a parameter of a query. An unknown word is not shown, because it may be anything.
private struct Words {
    let json: String

    init(_ words: some Sequence<some RawRepresentable<String>>) {
        json = String(decoding: JSON.array(words.map { .string($0.rawValue) }).encoded, as: UTF8.self)
    }
}
