import Contract
import Store

/// Reads the state of lanes for claims and `tenant show`.
extension StoreConnection {
    /// Held jobs are counted in an index that has no others, and only if there are pauses.
    ///
    /// - Parameter share: see ``Store/JobInbox/backlog(perLane:)``.
    func backlog(perLane share: Int = .max) throws -> Backlog {
        guard try hasPauses() else {
            let waiting = try first("SELECT COALESCE(SUM(MIN(backlog, ?)), 0) FROM lanes", share) { $0.count(0) } ?? 0
            return Backlog(waiting: waiting, held: 0)
        }
        return try first(
            """
            SELECT COALESCE(SUM(MIN(MAX(backlog - held, 0), ?)), 0), COALESCE(SUM(MIN(held, ?)), 0) FROM (
                SELECT backlog, (SELECT COUNT(*) FROM jobs INDEXED BY jobs_held
                    WHERE lane = lanes.id AND paused_by IS NOT NULL AND finished_at IS NULL AND is_scheduled = 0) AS held
                FROM lanes WHERE backlog > 0)
            """,
            share,
            Backlog.heldShare(of: share)
        ) { Backlog(waiting: $0.count(0), held: $0.count(1)) } ?? Backlog(waiting: 0, held: 0)
    }

    /// Whether the store has pauses, even ended ones.
    func hasPauses() throws -> Bool { try first("SELECT 1 FROM pauses LIMIT 1") { _ in true } ?? false }

    /// In the order of acceptance.
    func unfinishedJobs(lane: Int64) throws -> [QueuedJob] {
        let jobs = try all(
            """
            SELECT place, job_id, kind, plan, revision, accepted_at, expiry, traceparent, publisher, not_before, attempts, interruptions,
                has_written, api_calls, is_from_backup, redrive_of, is_scheduled, standing, held_up, deadline,
                deferred_code, deferred_for, paused_by, paused_since, paused_for, is_given_up
            FROM jobs WHERE lane = ? AND finished_at IS NULL
            """,
            lane
        ) { try QueuedJob($0) }
        jobRows += jobs.count
        // Nearly always there is only one job.
        return jobs.count < 2 ? jobs : jobs.sorted { $0.order < $1.order }
    }

    func unfinishedJob(at place: Int64) throws -> QueuedJob? {
        jobRows += 1
        return try first(
            """
            SELECT place, job_id, kind, plan, revision, accepted_at, expiry, traceparent, publisher, not_before, attempts, interruptions,
                has_written, api_calls, is_from_backup, redrive_of, is_scheduled, standing, held_up, deadline,
                deferred_code, deferred_for, paused_by, paused_since, paused_for, is_given_up
            FROM jobs WHERE place = ? AND finished_at IS NULL
            """,
            place
        ) { try QueuedJob($0) }
    }

    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) throws -> Set<Int64> {
        // Few tenants share a database, so each id is looked up in each of their lanes.
        let linked = try ids.map { ids in
            try all(
                """
                WITH others AS (
                    SELECT c.lane FROM connections c JOIN lanes l ON l.id = c.lane
                    WHERE c.database_id = ? AND NOT (l.tenant = ? AND l.product = ?)
                ), wanted AS (SELECT value AS autotask_id FROM json_each(?))
                SELECT b.autotask_id FROM others o CROSS JOIN wanted w JOIN bindings b ON b.lane = o.lane AND b.autotask_id = w.autotask_id
                UNION SELECT j.autotask_id FROM others o JOIN journal j ON j.lane = o.lane JOIN wanted w ON w.autotask_id = j.autotask_id
                """,
                database,
                lane.tenant.description,
                lane.product.rawValue,
                ids.json
            ) { $0.integer(0) }
        }
        return Set(try linked ?? allLinkedServices(in: database, besides: lane))
    }

    private func allLinkedServices(in database: Int64, besides lane: Lane) throws -> [Int64] {
        try all(
            """
            WITH others AS (
                SELECT c.lane FROM connections c JOIN lanes l ON l.id = c.lane
                WHERE c.database_id = ? AND NOT (l.tenant = ? AND l.product = ?)
            )
            SELECT autotask_id FROM others JOIN bindings USING (lane) WHERE autotask_id IS NOT NULL
            UNION SELECT autotask_id FROM others JOIN journal USING (lane) WHERE autotask_id IS NOT NULL
            """,
            database,
            lane.tenant.description,
            lane.product.rawValue
        ) { $0.integer(0) }
    }

    /// Returns those of the services for which other plans of the lane have writes.
    func services(writtenIn lane: Int64, besides planID: String, among ids: [Int64]) throws -> Set<Int64> {
        let written = try all(
            "SELECT autotask_id FROM journal WHERE lane = ? AND plan <> ? AND autotask_id IN (SELECT value FROM json_each(?))",
            lane,
            planID,
            ids.json
        ) { $0.integer(0) }
        return Set(written)
    }

    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) throws -> [ServiceBinding] {
        try all(
            """
            SELECT b.plan, b.service_key, b.autotask_id, b.status, b.last_synced_at, b.last_synced, b.last_error
            FROM lanes l JOIN bindings b ON b.lane = l.id
            WHERE l.tenant = ? AND l.product = ? AND (b.plan, b.service_key) > (?, ?) AND b.autotask_id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.lane = b.lane AND j.plan = b.plan AND j.service_key = b.service_key)
            ORDER BY b.plan, b.service_key LIMIT ?
            """,
            lane.tenant.description,
            lane.product.rawValue,
            after?.planID ?? "",
            after?.serviceKey ?? "",
            limit
        ) { try ServiceBinding($0) }
    }

    func bindings(to ids: [Int64], in lane: Lane) throws -> [ServiceBinding] {
        try all(
            """
            SELECT b.plan, b.service_key, b.autotask_id, b.status, b.last_synced_at, b.last_synced, b.last_error
            FROM lanes l CROSS JOIN json_each(?) wanted JOIN bindings b ON b.lane = l.id AND b.autotask_id = wanted.value
            WHERE l.tenant = ? AND l.product = ? ORDER BY b.plan, b.service_key
            """,
            ids.json,
            lane.tenant.description,
            lane.product.rawValue
        ) { try ServiceBinding($0) }
    }

    /// Reads a lane's state with all its plans, without a limit.
    func laneState(_ lane: LaneRow) throws -> LaneState {
        var state = try laneState(lane, planID: nil)
        state.bindings = try bindings(lane: lane.id)
        state.openWrites = try openWrites(lane: lane.id)
        return state
    }

    /// Reads a lane's state for a job.
    ///
    /// - Parameter planID: the plan of the job, if it has one.
    func laneState(_ lane: LaneRow, planID: String?) throws -> LaneState {
        var state = LaneState(
            epoch: lane.epoch,
            isEligible: lane.isEligible,
            isEnabled: lane.isEnabled,
            unsettledSince: lane.unsettledSince
        )
        try readParts(lane: lane.id, into: &state)
        guard let planID else { return state }
        if state.hasBindings { state.bindings = try bindings(lane: lane.id, planID: planID) }
        if state.hasOpenWrites { state.openWrites = try openWrites(lane: lane.id, planID: planID) }
        return state
    }

    /// Reads everything of which a lane has at most one.
    private func readParts(lane: Int64, into state: inout LaneState) throws {
        _ = try first(
            """
            SELECT c.status, c.zone_name, c.zone_api_url, c.zone_web_url, c.database_id, c.username, k.wrapped_key, c.credentials,
                c.credentials_digest, c.can_query, c.can_create, c.can_update, c.cost_visible, c.service_fields, c.established_at,
                b.read_at, b.codes, EXISTS (SELECT 1 FROM refused_credentials r WHERE r.lane = lanes.id), d.found,
                EXISTS (SELECT 1 FROM bindings WHERE bindings.lane = lanes.id), EXISTS (SELECT 1 FROM journal j WHERE j.lane = lanes.id),
                (SELECT MAX(j.entered_at) FROM journal j WHERE j.lane = lanes.id AND j.state = 'sent')
            FROM lanes LEFT JOIN connections c ON c.lane = lanes.id LEFT JOIN credential_keys k ON k.lane = lanes.id
                LEFT JOIN billing_codes b ON b.lane = lanes.id LEFT JOIN checks d ON d.lane = lanes.id AND d.kind = 'drift'
            WHERE lanes.id = ?
            """,
            lane
        ) { row in
            if !row.isNull(0) { state.connection = try row.connection() }
            if !row.isNull(15) { state.billingCodes = CachedBillingCodes(readAt: row.moment(15), codes: row.bytes(16)) }
            state.driftDigest = row.optional(18, row.text)
            state.hasBindings = row.bool(19)
            state.hasOpenWrites = row.bool(20)
            state.lastSentWrite = row.optional(21, row.moment)
            if row.bool(17) { state.refusedCredentials = try refusedCredentials(lane: lane) }
        }
    }

    private func refusedCredentials(lane: Int64) throws -> [RefusedCredentials] {
        try all("SELECT digest, refused_at, code FROM refused_credentials WHERE lane = ? ORDER BY refused_at, digest", lane) { row in
            RefusedCredentials(digest: row.bytes(0), at: row.moment(1), code: try row.word(2))
        }
    }

    private func bindings(lane: Int64) throws -> [ServiceBinding] {
        try all(
            """
            SELECT plan, service_key, autotask_id, status, last_synced_at, last_synced, last_error
            FROM bindings WHERE lane = ? ORDER BY plan, service_key
            """,
            lane
        ) { try ServiceBinding($0) }
    }

    private func bindings(lane: Int64, planID: String) throws -> [ServiceBinding] {
        try all(
            """
            SELECT plan, service_key, autotask_id, status, last_synced_at, last_synced, last_error
            FROM bindings WHERE lane = ? AND plan = ? ORDER BY service_key
            """,
            lane,
            planID
        ) { try ServiceBinding($0) }
    }

    private func openWrites(lane: Int64) throws -> [JournalEntry] {
        try all(
            """
            SELECT plan, service_key, operation, state, autotask_id, entered_at, name, answer, written
            FROM journal WHERE lane = ? ORDER BY plan, service_key
            """,
            lane
        ) { try JournalEntry($0) }
    }

    private func openWrites(lane: Int64, planID: String) throws -> [JournalEntry] {
        try all(
            """
            SELECT plan, service_key, operation, state, autotask_id, entered_at, name, answer, written
            FROM journal WHERE lane = ? AND plan = ? ORDER BY service_key
            """,
            lane,
            planID
        ) { try JournalEntry($0) }
    }
}

extension QueuedJob {
    /// Reads the columns of the queries above, and of ``StoreConnection/overtakers(of:after:before:lane:)``.
    init(_ row: ResultRow) throws {
        self.init(
            order: row.integer(0),
            id: try row.jobID(1),
            kind: try row.word(2),
            planID: row.optional(3, row.text),
            revision: row.optional(4, row.integer),
            standing: row.optional(17, row.integer),
            acceptedAt: row.moment(5),
            expiry: row.optional(6, row.moment),
            traceparent: row.optional(7, row.text),
            publisher: row.optional(8, row.text),
            redriveOf: try row.optional(15, row.jobID),
            notBefore: row.optional(9, row.moment),
            attempts: row.count(10),
            interruptions: row.count(11),
            heldUp: row.count(18),
            deadline: row.optional(19, row.moment),
            lastDeferral: try row.optionalWord(20).map { PublishedDeferral(code: $0, delay: .milliseconds(row.integer(21))) },
            hasWritten: row.bool(12),
            apiCalls: row.count(13),
            isFromBackup: row.bool(14),
            isScheduled: row.bool(16),
            pausedBy: row.optional(22, row.integer).map { JobPause(id: $0, since: row.moment(23)) },
            pausedFor: .milliseconds(row.integer(24)),
            isGivenUp: row.bool(25)
        )
    }
}

extension ServiceBinding {
    /// Reads the columns of the queries above.
    fileprivate init(_ row: ResultRow) throws {
        self.init(
            planID: row.text(0),
            serviceKey: row.text(1),
            autotaskServiceID: row.optional(2, row.integer),
            status: try row.word(3),
            lastSyncedAt: row.optional(4, row.moment),
            lastSynced: row.optional(5, row.bytes),
            lastErrorCode: try row.optionalWord(6)
        )
    }
}

extension JournalEntry {
    /// Reads the columns of the queries above.
    fileprivate init(_ row: ResultRow) throws {
        self.init(
            planID: row.text(0),
            serviceKey: row.text(1),
            operation: try row.word(2),
            state: try row.word(3),
            autotaskServiceID: row.optional(4, row.integer),
            name: row.optional(6, row.text),
            answer: row.optional(7, row.text),
            written: row.optional(8, row.bytes),
            at: row.moment(5)
        )
    }
}

extension [Int64] {
    /// A JSON array for `json_each`.
    var json: String { "[\(map(String.init).joined(separator: ","))]" }
}

extension ResultRow {
    /// Reads the first 15 columns of the query above.
    fileprivate func connection() throws -> ConnectionRecord {
        ConnectionRecord(
            status: try word(0),
            zone: Zone(name: text(1), apiURL: text(2), webURL: text(3)),
            databaseID: integer(4),
            username: text(5),
            wrappedKey: bytes(6),
            sealedCredentials: bytes(7),
            credentialsDigest: bytes(8),
            capabilities: Capabilities(
                canQueryServices: bool(9),
                canCreateServices: bool(10),
                canUpdateServices: bool(11),
                costVisible: optional(12, bool)
            ),
            serviceFields: bytes(13),
            establishedAt: moment(14)
        )
    }
}
