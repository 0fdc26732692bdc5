import Confinement
import GRDB
import GRDBSQLite
import Synchronization

/// Writes the log back into the file while the writer continues. It asks the writer to empty the log when it has grown, or when it
/// holds erased data.
///
/// It has its own thread and connection, and never delays a transaction. The log cannot be emptied while a reader reads. Then the
/// checkpointer tries again, at most four times a second.
final class Checkpointer: Sendable {
    /// The length at which the log is written back into the file, in pages of 4 KiB.
    private static let limit = 4000
    /// The writer empties the log once at most this many pages are left to write.
    private static let remainder = 1000
    /// How often the checkpointer writes the rest in parallel, before the writer writes what is left.
    private static let rounds = 4
    /// The pauses between two attempts, in milliseconds.
    private static let pauses = (first: Int32(5), longest: Int32(250))

    private struct State {
        /// The log's length, in pages.
        var pages = 0
        /// Since when erased data has waited to leave the log.
        var waitsSince: ContinuousClock.Instant?
        var isClosed = false
        /// Whether the thread is writing the log back.
        var isWorking = false

        var isDue: Bool { waitsSince != nil || pages >= Checkpointer.limit }
    }

    private let connection: DatabaseQueue
    private let state = Mutex(State())
    private let wake: WakeDescriptor
    private let thread: Mutex<ConfinedThread?> = Mutex(nil)

    /// - Parameter connection: its own connection, which it closes.
    init(_ connection: DatabaseQueue) throws(ConfinementError) {
        self.connection = connection
        wake = try WakeDescriptor()
    }

    /// - Parameter askWriter: asks the writer to call ``empty(_:isLast:)`` between two transactions.
    func start(_ askWriter: @escaping @Sendable () -> Void) throws(ConfinementError) {
        let thread = try ConfinedThread.start(name: "store-log") { self.work(askWriter) }
        self.thread.withLock { $0 = thread }
    }

    var waitsSince: ContinuousClock.Instant? { state.withLock { $0.waitsSince } }

    func stop() {
        state.withLock { $0.isClosed = true }
        wake.wake()
    }

    func waitUntilStopped() async { await thread.withLock { $0 }?.waitUntilFinished() }

    // MARK: On the writer's thread

    /// Observes the length of the log after each commit.
    func follow(_ database: Database) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_wal_hook(
            database.sqliteConnection,
            { context, _, _, pages in
                if let context {
                    Unmanaged<Checkpointer>.fromOpaque(context).takeUnretainedValue().state.withLock { $0.pages = Int(pages) }
                }
                return SQLITE_OK
            },
            context
        )
    }

    /// Notes that data was erased.
    func erase() { state.withLock { $0.waitsSince = $0.waitsSince ?? .now } }

    /// Wakes the thread if work is due.
    func look() {
        if state.withLock({ $0.isDue && !$0.isWorking }) { wake.wake() }
    }

    /// Empties the log without waiting for readers or writers. After an erasure it is truncated. Otherwise transactions overwrite it,
    /// which is cheaper than a file that grows again.
    ///
    /// - Parameter isLast: whether to leave an empty log even without an erasure.
    /// - Returns: whether it was possible.
    func empty(_ database: Database, isLast: Bool) -> Bool {
        let connection = database.sqliteConnection
        let mode = isLast || waitsSince != nil ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART
        sqlite3_busy_timeout(connection, 0)
        defer { sqlite3_busy_timeout(connection, Int32(StoreFile.busyTimeout * 1000)) }
        guard sqlite3_wal_checkpoint_v2(connection, nil, mode, nil, nil) == SQLITE_OK else { return false }
        state.withLock { state in
            state.pages = 0
            // Only this thread notes erasures.
            state.waitsSince = nil
        }
        return true
    }

    // MARK: On its own thread

    private func work(_ askWriter: () -> Void) {
        var pause = Checkpointer.pauses.first
        while true {
            let (isClosed, isDue) = state.withLock { state in
                state.isWorking = state.isDue && !state.isClosed
                return (state.isClosed, state.isDue)
            }
            if isClosed { break }
            guard isDue else {
                pause = Checkpointer.pauses.first
                wake.wait()
                continue
            }
            for _ in 0..<Checkpointer.rounds {
                if writeBack() <= Checkpointer.remainder { break }
            }
            askWriter()
            // If the writer could not empty it, it is due again afterwards.
            _ = wake.wait(milliseconds: pause)
            pause = min(pause * 2, Checkpointer.pauses.longest)
        }
        try? connection.close()
    }

    /// - Returns: how much of the log is not in the file yet, in pages.
    private func writeBack() -> Int {
        connection.inDatabase { database in
            var (pages, done): (Int32, Int32) = (0, 0)
            sqlite3_wal_checkpoint_v2(database.sqliteConnection, nil, SQLITE_CHECKPOINT_PASSIVE, &pages, &done)
            return Int(pages - done)
        }
    }
}
