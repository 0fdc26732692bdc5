package import Contract
import GRDB
package import Store

/// The contents of a store for an operator. They are read in short transactions while workers run, without a change to the store.
package struct StoreInspection: Sendable {
    /// Findings of one sort.
    package struct Occurrences: Hashable, Sendable {
        package var count: Int
        /// The first few findings in words.
        package var examples: [String]

        init(_ all: [String]) {
            count = all.count
            examples = Array(all.prefix(3))
        }
    }

    /// A law that does not hold.
    package struct Breach: Hashable, Sendable {
        package var law: StoreLaw
        package var occurrences: Occurrences
    }

    /// A worker that has joined, and from which none has taken over yet.
    package struct Worker: Hashable, Sendable {
        package var id: WorkerID
        package var leaseEnd: Timestamp
        /// Whether its process has certainly ended.
        package var isGone: Bool
        package var lanes: Int

        package func isAlive(at now: Timestamp) -> Bool { !isGone && leaseEnd > now }
    }

    /// An event that the broker has not confirmed.
    package struct UnpublishedEvent: Hashable, Sendable {
        package var position: Int64
        /// When it happened. An event that is published again may be old.
        package var time: Timestamp
    }

    /// A lane whose events the broker has not confirmed.
    package struct WaitingLane: Hashable, Sendable {
        package var lane: Lane
        package var events: Int
        package var first: UnpublishedEvent
        package var firstType: EventType
    }

    /// The key of a connection's credentials.
    package struct CredentialsKey: Hashable, Sendable {
        package var lane: Lane
        package var wrapped: [UInt8]
    }

    package var breaches: [Breach]
    /// When everything below was read: in a large store, long after the breaches.
    package var moment: Timestamp
    package var workers: [Worker]
    package var lanes: Int
    package var connections: Int
    /// Connections whose credentials Autotask refused, or that lead to another database.
    package var lostConnections: Occurrences
    /// Lanes whose work waits because calls to Autotask fail, each with the code of the failure if that is known.
    package var heldUp: Occurrences
    /// Without scheduled checks.
    package var backlog: Backlog
    package var pauses: [Pause]
    /// Jobs that a pause holds.
    package var pausedJobs: Int
    /// Unfinished jobs whose next attempt is so late that it will not happen.
    package var postponedTooFar: Occurrences
    /// Unfinished jobs that were accepted in the future.
    package var acceptedAhead: Occurrences
    /// Ended jobs whose data has been kept for too long.
    package var keptTooLong: Int
    /// Writes that have been `sent` for more than a day.
    package var unansweredWrites: Occurrences
    /// Unresolved writes of lanes in which no job runs.
    package var leftWrites: Occurrences
    package var openWrites: Int
    package var unpublishedEvents: Int
    /// The time of the oldest event that waits until the data that its reset erased has left the log.
    package var erasureAwaitedSince: Timestamp?
    /// Integrations that are set aside, with the reason.
    package var setAside: Occurrences
    package var oldestEvent: UnpublishedEvent?
    /// By reason, the most frequent first.
    package var deadLetters: [(reason: String, count: Int)]
    package var credentialsKeys: [CredentialsKey]

    /// Inspects a store with the schema of this program.
    ///
    /// - Parameters:
    ///   - path: the path of the file.
    ///   - clock: returns the time from which ages are counted. It is called once, after the long part.
    ///   - maximumAge: how long after it was accepted a job is tried again.
    ///   - isThorough: whether to check laws that need everything that is remembered.
    /// - Returns: `nil` when there is no store yet, or one of an older program.
    package static func make(
        of path: String,
        clock: @escaping @Sendable () -> Timestamp,
        maximumAge: Duration,
        isThorough: Bool
    ) async throws(StoreError) -> StoreInspection? {
        try await StoreThread.run { () throws(StoreError) in
            let inspection = try StoreFile.look(path, isPaced: isThorough) { looks -> StoreInspection? in
                guard try looks.read({ try StoreFile.check($0, of: path, mayBeEmpty: true) }) == .current else { return nil }
                let breaches = try StoreLaw.all.filter { isThorough || !$0.isCostly }.compactMap { law in
                    let breaches = try law.breaches(in: looks)
                    return breaches.isEmpty ? nil : Breach(law: law, occurrences: Occurrences(breaches))
                }
                return try looks.read { try StoreInspection(StoreConnection($0), breaches, at: clock(), maximumAge: maximumAge) }
            }
            return inspection ?? nil
        }
    }

    /// Returns the event that has waited longest.
    package static func oldestEvent(in path: String) async throws(StoreError) -> UnpublishedEvent? {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { try StoreConnection($0).oldestEvent() } ?? nil
        }
    }

    /// Returns the lanes with unpublished events. Those whose events have waited longest come first.
    package static func waitingLanes(in path: String) async throws(StoreError) -> [WaitingLane] {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { try StoreConnection($0).waitingLanes() } ?? []
        }
    }

    /// Reads tables with few rows, or by an index.
    private init(_ connection: StoreConnection, _ breaches: [Breach], at now: Timestamp, maximumAge: Duration) throws {
        self.breaches = breaches
        moment = now
        workers = try connection.inspectedWorkers()
        lanes = try connection.first("SELECT COUNT(*) FROM lanes") { $0.count(0) } ?? 0
        connections = try connection.first("SELECT COUNT(*) FROM connections") { $0.count(0) } ?? 0
        lostConnections = Occurrences(
            try connection.all(
                "SELECT tenant || '/' || product || ' (' || status || ')' FROM connections c JOIN lanes l ON l.id = c.lane WHERE status <> ? ORDER BY 1",
                ConnectionRecord.Status.connected.rawValue
            ) { $0.text(0) }
        )
        heldUp = Occurrences(
            try connection.all(
                """
                SELECT l.tenant || '/' || l.product || COALESCE(' (' || j.deferred_code || ')', '') FROM jobs j JOIN lanes l ON l.id = j.lane
                WHERE finished_at IS NULL AND paused_by IS NULL
                    AND deferred_code IS NOT 'held' AND (held_up > 0 OR attempts > (not_before IS NULL))
                GROUP BY j.lane ORDER BY 1
                """
            ) { $0.text(0) }
        )
        backlog = try connection.backlog()
        pauses = try connection.pauses(at: now)
        pausedJobs =
            try connection.first("SELECT COUNT(*) FROM jobs INDEXED BY jobs_paused WHERE paused_by IS NOT NULL AND finished_at IS NULL") {
                $0.count(0)
            } ?? 0
        postponedTooFar = Occurrences(
            try connection.all(
                """
                SELECT tenant || ' ' || job_id FROM jobs
                WHERE finished_at IS NULL AND paused_by IS NULL AND not_before >= accepted_at + paused_for + ?
                """,
                maximumAge.wholeMilliseconds
            ) { $0.text(0) }
        )
        acceptedAhead = Occurrences(
            try connection.all(
                "SELECT tenant || ' ' || job_id FROM jobs WHERE finished_at IS NULL AND accepted_at > ?",
                now + Clocks.tolerance
            ) { $0.text(0) }
        )
        keptTooLong =
            try connection.first(
                "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE data IS NOT NULL AND finished_at <= ? LIMIT 100000)",
                now - Retention.data - StoreInspection.day
            ) { $0.count(0) } ?? 0
        unansweredWrites = Occurrences(
            try connection.all(
                """
                SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
                WHERE state = 'sent' AND entered_at <= ? ORDER BY entered_at
                """,
                now - StoreInspection.day
            ) { $0.text(0) }
        )
        leftWrites = Occurrences(
            try connection.all(
                """
                SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
                WHERE state = 'sent' AND l.running IS NULL ORDER BY 1
                """
            ) { $0.text(0) }
        )
        openWrites = try connection.first("SELECT COUNT(*) FROM journal") { $0.count(0) } ?? 0
        unpublishedEvents = try connection.first("SELECT COUNT(*) FROM outbox") { $0.count(0) } ?? 0
        oldestEvent = try connection.oldestEvent()
        erasureAwaitedSince =
            try connection.first("SELECT MIN(time) FROM outbox WHERE awaits_erasure <> 0") { $0.optional(0, $0.moment) } ?? nil
        setAside = Occurrences(
            try connection.all("SELECT tenant || '/' || product || ': ' || set_aside FROM lanes WHERE set_aside IS NOT NULL") { $0.text(0) }
        )
        deadLetters = try connection.all("SELECT reason, COUNT(*) FROM dead_letters GROUP BY reason ORDER BY COUNT(*) DESC, reason") {
            (reason: $0.text(0), count: $0.count(1))
        }
        credentialsKeys = try connection.credentialsKeys()
    }

    private static let day: Duration = .seconds(86_400)
}

extension StoreConnection {
    fileprivate func inspectedWorkers() throws -> [StoreInspection.Worker] {
        try all(
            "SELECT id, lease_until, process, (SELECT COUNT(*) FROM lanes WHERE worker = workers.id) FROM workers ORDER BY lease_until DESC"
        ) { row in
            StoreInspection.Worker(
                id: WorkerID(row.text(0)),
                leaseEnd: row.moment(1),
                isGone: row.optional(2, row.text).flatMap { ProcessIdentity(text: $0) }?.isGone ?? false,
                lanes: row.count(3)
            )
        }
    }

    fileprivate func oldestEvent() throws -> StoreInspection.UnpublishedEvent? {
        try first("SELECT position, time FROM outbox ORDER BY position LIMIT 1") {
            StoreInspection.UnpublishedEvent(position: $0.integer(0), time: $0.moment(1))
        }
    }

    fileprivate func waitingLanes() throws -> [StoreInspection.WaitingLane] {
        try all(
            """
            SELECT o.tenant, o.product, w.events, o.position, o.time, o.type
            FROM (SELECT MIN(position) AS first, COUNT(*) AS events FROM outbox GROUP BY tenant, product) w
                JOIN outbox o ON o.position = w.first
            ORDER BY o.position
            """
        ) { row in
            (try? (row.lane(0), row.word(5, as: EventType.self))).map { lane, type in
                StoreInspection.WaitingLane(
                    lane: lane,
                    events: row.count(2),
                    first: StoreInspection.UnpublishedEvent(position: row.integer(3), time: row.moment(4)),
                    firstType: type
                )
            }
        }.compactMap(\.self)
    }

    /// The keys of readable lanes. Unreadable lanes are reported as breaches.
    fileprivate func credentialsKeys() throws -> [StoreInspection.CredentialsKey] {
        try all(
            """
            SELECT tenant, product, wrapped_key FROM credential_keys k JOIN lanes l ON l.id = k.lane JOIN connections c ON c.lane = k.lane
            ORDER BY tenant, product
            """
        ) { row in
            (try? row.lane(0)).map { StoreInspection.CredentialsKey(lane: $0, wrapped: row.bytes(2)) }
        }.compactMap(\.self)
    }
}
