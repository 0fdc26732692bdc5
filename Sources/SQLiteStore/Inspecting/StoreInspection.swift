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
    /// When the reading of everything below began: in a large store, long after the breaches.
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
                return try StoreInspection(looks, breaches, at: clock(), maximumAge: maximumAge)
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
            try StoreFile.look(path) { try $0.waitingLanes() } ?? []
        }
    }

    /// Reads each part in transactions of its own: together they would hold up an erasure.
    private init(_ looks: StoreFile.Looks, _ breaches: [Breach], at now: Timestamp, maximumAge: Duration) throws {
        self.breaches = breaches
        moment = now
        workers = try looks.connected { try $0.inspectedWorkers() }
        lanes = try looks.count("SELECT COUNT(*) FROM lanes")
        connections = try looks.count("SELECT COUNT(*) FROM connections")
        lostConnections = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    """
                    SELECT tenant || '/' || product || ' (' || status || ')' FROM connections c JOIN lanes l ON l.id = c.lane
                    WHERE c.lane BETWEEN ? AND ? AND status <> ?
                    """,
                    lanes.lowerBound,
                    lanes.upperBound,
                    ConnectionRecord.Status.connected.rawValue
                ) { $0.text(0) }
            }.sorted()
        )
        heldUp = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    """
                    SELECT l.tenant || '/' || l.product || COALESCE(' (' || j.deferred_code || ')', '') FROM jobs j JOIN lanes l ON l.id = j.lane
                    WHERE j.lane BETWEEN ? AND ? AND finished_at IS NULL AND paused_by IS NULL
                        AND deferred_code IS NOT 'held' AND (held_up > 0 OR attempts > (not_before IS NULL))
                    GROUP BY j.lane
                    """,
                    lanes.lowerBound,
                    lanes.upperBound
                ) { $0.text(0) }
            }.sorted()
        )
        backlog = try looks.connected { try $0.backlog() }
        pauses = try looks.connected { try $0.pauses(at: now) }
        pausedJobs = try looks.count(
            "SELECT COUNT(*) FROM jobs INDEXED BY jobs_paused WHERE paused_by IS NOT NULL AND finished_at IS NULL"
        )
        postponedTooFar = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    """
                    SELECT tenant || ' ' || job_id FROM jobs WHERE lane BETWEEN ? AND ?
                        AND finished_at IS NULL AND paused_by IS NULL AND not_before >= accepted_at + paused_for + ?
                    """,
                    lanes.lowerBound,
                    lanes.upperBound,
                    maximumAge.wholeMilliseconds
                ) { $0.text(0) }
            }
        )
        acceptedAhead = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    "SELECT tenant || ' ' || job_id FROM jobs WHERE lane BETWEEN ? AND ? AND finished_at IS NULL AND accepted_at > ?",
                    lanes.lowerBound,
                    lanes.upperBound,
                    now + Clocks.tolerance
                ) { $0.text(0) }
            }
        )
        keptTooLong = try looks.count(
            "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE data IS NOT NULL AND finished_at <= ? LIMIT 100000)",
            now - Retention.data - StoreInspection.day
        )
        unansweredWrites = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    """
                    SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
                    WHERE j.lane BETWEEN ? AND ? AND state = 'sent' AND entered_at <= ?
                    """,
                    lanes.lowerBound,
                    lanes.upperBound,
                    now - StoreInspection.day
                ) { $0.text(0) }
            }
        )
        leftWrites = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    """
                    SELECT tenant || '/' || product || ' ' || service_key FROM journal j JOIN lanes l ON l.id = j.lane
                    WHERE j.lane BETWEEN ? AND ? AND state = 'sent' AND l.running IS NULL
                    """,
                    lanes.lowerBound,
                    lanes.upperBound
                ) { $0.text(0) }
            }.sorted()
        )
        openWrites = try looks.count("SELECT COUNT(*) FROM journal")
        unpublishedEvents = try looks.count("SELECT COUNT(*) FROM outbox")
        oldestEvent = try looks.connected { try $0.oldestEvent() }
        erasureAwaitedSince = try looks.connected { connection in
            try connection.first("SELECT MIN(time) FROM outbox WHERE awaits_erasure <> 0") { $0.optional(0, $0.moment) } ?? nil
        }
        setAside = Occurrences(
            try looks.byLane { connection, lanes in
                try connection.all(
                    "SELECT tenant || '/' || product || ': ' || set_aside FROM lanes WHERE id BETWEEN ? AND ? AND set_aside IS NOT NULL",
                    lanes.lowerBound,
                    lanes.upperBound
                ) { $0.text(0) }
            }
        )
        deadLetters = try looks.connected { connection in
            try connection.all("SELECT reason, COUNT(*) FROM dead_letters GROUP BY reason ORDER BY COUNT(*) DESC, reason") {
                (reason: $0.text(0), count: $0.count(1))
            }
        }
        credentialsKeys = try looks.byLane { try $0.credentialsKeys(of: $1) }
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

    /// The lanes of a range of events, each with its first event.
    fileprivate func waitingLanes(at positions: ClosedRange<Int64>) throws -> [StoreInspection.WaitingLane] {
        // With MIN, SQLite takes the other columns from the row that has the minimum.
        try all(
            """
            SELECT tenant, product, COUNT(*), MIN(position), time, type FROM outbox WHERE position BETWEEN ? AND ?
            GROUP BY tenant, product
            """,
            positions.lowerBound,
            positions.upperBound
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
    fileprivate func credentialsKeys(of lanes: ClosedRange<Int64>) throws -> [StoreInspection.CredentialsKey] {
        try all(
            """
            SELECT tenant, product, wrapped_key FROM credential_keys k JOIN lanes l ON l.id = k.lane JOIN connections c ON c.lane = k.lane
            WHERE k.lane BETWEEN ? AND ?
            """,
            lanes.lowerBound,
            lanes.upperBound
        ) { row in
            (try? row.lane(0)).map { StoreInspection.CredentialsKey(lane: $0, wrapped: row.bytes(2)) }
        }.compactMap(\.self)
    }
}

extension StoreFile.Looks {
    fileprivate func connected<Value>(_ body: (StoreConnection) throws -> Value) throws -> Value {
        try read { try body(StoreConnection($0)) }
    }

    fileprivate func count<each Argument: Bindable>(_ sql: StaticString, _ values: repeat each Argument) throws -> Int {
        try connected { try $0.first(sql, repeat each values) { $0.count(0) } ?? 0 }
    }

    /// Rows that are found by their lanes, in steps.
    fileprivate func byLane<Value>(_ body: (StoreConnection, ClosedRange<Int64>) throws -> [Value]) throws -> [Value] {
        var all: [Value] = []
        try forEachRange(of: .lanes) { all += try body($0, $1) }
        return all
    }

    fileprivate func waitingLanes() throws -> [StoreInspection.WaitingLane] {
        var lanes: [Lane: StoreInspection.WaitingLane] = [:]
        try forEachRange(of: .outbox) { connection, positions in
            for lane in try connection.waitingLanes(at: positions) {
                if lanes[lane.lane] == nil { lanes[lane.lane] = lane } else { lanes[lane.lane]?.events += lane.events }
            }
        }
        return lanes.values.sorted { $0.first.position < $1.first.position }
    }
}
