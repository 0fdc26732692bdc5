package import Contract
import GRDB
import GRDBSQLite
import Glibc
package import Store
import Synchronization

/// Counts what a store holds, for gauges. It has its own connection, and never more than ``patience`` for one reading.
///
/// Each count is a transaction of its own, so that a reading holds up no erasure. What there was no time to count is counted first the next
/// time.
package final class StoreFigureReader: Sendable {
    /// The time for one reading. A count that takes longer is given up.
    package static let patience: Duration = .milliseconds(20)
    /// A reading is repeated no earlier than this.
    package static let lifetime: Duration = .seconds(5)
    /// Counts that read whole tables are repeated no earlier than this.
    package static let slowLifetime: Duration = .seconds(60)

    private struct State {
        var queue: DatabaseQueue?
        var figures: StoreFigures?
        var readAt: ContinuousClock.Instant?
        /// When the counts of whole tables were completed.
        var countedAt: ContinuousClock.Instant?
        var isReading = false
        var isClosed = false
    }

    private let path: String
    private let patience: Duration
    private let lifetime: Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - patience: the time for one reading.
    ///   - lifetime: how old figures may be.
    package init(path: String, patience: Duration = StoreFigureReader.patience, lifetime: Duration = StoreFigureReader.lifetime) {
        self.path = path
        self.patience = patience
        self.lifetime = lifetime
    }

    /// Closes the connection. Later calls have no figures.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            state.queue = nil
            state.figures = nil
        }
    }

    /// The figures, at most ``lifetime`` old unless another call is reading; `nil` if the store cannot be read.
    ///
    /// - Parameter now: the time by which jobs are due.
    package func figures(at now: Timestamp) async -> StoreFigures? {
        let (mustRead, countsAll, known) = state.withLock { state in
            let isOld = state.readAt.map { .now - $0 >= lifetime } ?? true
            guard isOld, !state.isReading, !state.isClosed else { return (false, false, state.figures) }
            state.isReading = true
            return (true, state.countedAt.map { .now - $0 >= StoreFigureReader.slowLifetime } ?? true, state.figures)
        }
        guard mustRead else { return known }
        let reading = try? await StoreThread.run { [self] () throws(StoreError) in
            do { return try read(at: now, onto: known ?? StoreFigures(), countsAll: countsAll) } catch {
                throw StoreError(error, path: path)
            }
        }
        return state.withLock { state in
            state.isReading = false
            state.readAt = .now
            state.figures = state.isClosed ? nil : reading?.figures
            if reading == nil || state.isClosed { state.queue = nil }
            if countsAll, reading?.isComplete == true { state.countedAt = .now }
            return state.figures
        }
    }

    private func read(
        at now: Timestamp,
        onto known: StoreFigures,
        countsAll: Bool
    ) throws -> (figures: StoreFigures, isComplete: Bool) {
        let queue = try state.withLock { state in
            if let queue = state.queue { return queue }
            let queue = try StoreFile.readOnly(path)
            state.queue = queue
            return queue
        }
        var figures = known
        var isComplete = true
        queue.inDatabase { database in
            let connection = StoreConnection(database)
            let deadline = Deadline(.now + patience)
            deadline.guarding(database) {
                func count(_ body: () throws -> Void) { if deadline.hasPassed || (try? body()) == nil { isComplete = false } }
                count { figures.jobs = try connection.jobFigures(at: now) }
                count { figures.lanes = try connection.laneFigures() }
                count { figures.pauses = try connection.pauseFigures(at: now) }
                count { figures.openWrites = try connection.openWriteFigures() }
                count { figures.nextChecks = try connection.nextChecks() }
                count { figures.lastBackup = try connection.lastBackup() }
                count { figures.outbox = try connection.outboxFigures() }
                guard countsAll else { return }
                count { figures.deadLetters = try connection.letterFigures() }
                count { figures.connections = try connection.connectionFigures() }
                count { figures.services = try connection.serviceFigures() }
            }
        }
        figures.fileBytes = StoreFigureReader.size(of: path)
        figures.logBytes = StoreFigureReader.size(of: path + "-wal")
        figures.freeBytes = StoreFigureReader.free(at: path)
        return (figures, isComplete)
    }

    private static func size(of path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    private static func free(at path: String) -> Int64? {
        var volume = statvfs()
        return statvfs(path, &volume) == 0 ? Int64(volume.f_bavail) * Int64(volume.f_frsize) : nil
    }
}

/// Ends a statement that runs beyond a moment.
private final class Deadline {
    /// How many steps of SQLite's virtual machine pass between two looks at the clock: some 10 µs.
    private static let steps: Int32 = 1000

    private let moment: ContinuousClock.Instant

    init(_ moment: ContinuousClock.Instant) { self.moment = moment }

    var hasPassed: Bool { .now >= moment }

    func guarding(_ database: Database, _ body: () -> Void) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_progress_handler(
            database.sqliteConnection,
            Deadline.steps,
            { context in context.map { Unmanaged<Deadline>.fromOpaque($0).takeUnretainedValue().hasPassed } == true ? 1 : 0 },
            context
        )
        defer { sqlite3_progress_handler(database.sqliteConnection, 0, nil, nil) }
        body()
    }
}

extension StoreConnection {
    /// All unfinished jobs are counted in an index of them alone.
    fileprivate func jobFigures(at now: Timestamp) throws -> StoreFigures.Jobs {
        let unfinished = try first(
            "SELECT COUNT(*), MIN(place) FROM jobs INDEXED BY jobs_rivals WHERE finished_at IS NULL AND is_scheduled = 0"
        ) { (count: $0.count(0), oldest: $0.optional(1, $0.integer)) }
        let retrying = try first(
            "SELECT COUNT(*) FROM jobs INDEXED BY jobs_unfinished WHERE finished_at IS NULL AND not_before > ?",
            now
        ) { $0.count(0) }
        let paused = try first("SELECT COUNT(*) FROM jobs INDEXED BY jobs_paused WHERE paused_by IS NOT NULL AND finished_at IS NULL") {
            $0.count(0)
        }
        let running = try first("SELECT COUNT(*) FROM lanes WHERE running IS NOT NULL") { $0.count(0) }
        let oldest = try unfinished?.oldest.flatMap { place in
            try first("SELECT accepted_at FROM jobs WHERE place = ?", place) { $0.moment(0) }
        }
        return StoreFigures.Jobs(
            unfinished: unfinished?.count ?? 0,
            running: running ?? 0,
            retrying: max((retrying ?? 0) - (paused ?? 0), 0),
            paused: paused ?? 0,
            oldest: oldest
        )
    }

    fileprivate func laneFigures() throws -> StoreFigures.Lanes? {
        try first(
            """
            SELECT SUM(worker IS NULL AND turn IS NULL AND wake_at IS NULL AND set_aside IS NULL), SUM(turn IS NOT NULL),
                SUM(wake_at IS NOT NULL), SUM(worker IS NOT NULL), SUM(set_aside IS NOT NULL) FROM lanes
            """
        ) { StoreFigures.Lanes(idle: $0.count(0), inLine: $0.count(1), waiting: $0.count(2), held: $0.count(3), setAside: $0.count(4)) }
    }

    fileprivate func pauseFigures(at now: Timestamp) throws -> [String: Int] {
        counts(try pauses(at: now).map { (String($0.scope.description.prefix { $0 != ":" }), 1) })
    }

    fileprivate func openWriteFigures() throws -> StoreFigures.Backlog? {
        try first("SELECT COUNT(*), MIN(entered_at) FROM journal WHERE state = 'sent'") {
            StoreFigures.Backlog(count: $0.count(0), oldest: $0.optional(1, $0.moment))
        }
    }

    fileprivate func nextChecks() throws -> [String: Timestamp] {
        let checks = try all("SELECT kind, MIN(due_at) FROM checks WHERE due_at IS NOT NULL GROUP BY kind") { ($0.text(0), $0.moment(1)) }
        return Dictionary(uniqueKeysWithValues: checks)
    }

    fileprivate func lastBackup() throws -> Timestamp {
        try first("SELECT value FROM counters WHERE name = ?", StoredCounter.lastBackup.rawValue) { $0.moment(0) }
            ?? Timestamp(millisecondsSinceEpoch: 0)
    }

    fileprivate func outboxFigures() throws -> StoreFigures.Backlog {
        let oldest = try first("SELECT time FROM outbox ORDER BY position LIMIT 1") { $0.moment(0) }
        return StoreFigures.Backlog(count: try first("SELECT COUNT(*) FROM outbox") { $0.count(0) } ?? 0, oldest: oldest)
    }

    fileprivate func letterFigures() throws -> [String: Int] {
        counts(try all("SELECT reason, COUNT(*) FROM dead_letters GROUP BY reason") { ($0.text(0), $0.count(1)) })
    }

    fileprivate func connectionFigures() throws -> [String: Int] {
        counts(try all("SELECT status, COUNT(*) FROM connections GROUP BY status") { ($0.text(0), $0.count(1)) })
    }

    fileprivate func serviceFigures() throws -> [String: Int] {
        counts(try all("SELECT status, COUNT(*) FROM bindings GROUP BY status") { ($0.text(0), $0.count(1)) })
    }

    private func counts(_ rows: [(String, Int)]) -> [String: Int] { Dictionary(rows) { $0 + $1 } }
}
