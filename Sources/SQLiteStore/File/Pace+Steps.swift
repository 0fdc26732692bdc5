import GRDB
import GRDBSQLite
import Glibc
import Store
import Synchronization

/// On a thread of its own.
extension Pace {
    /// In instructions of SQLite: a few milliseconds of a statement.
    private static let instructions: Int32 = 20_000

    /// The steps of a process take turns: together they take no more than one would.
    private static let turn = Mutex(())

    /// One step of the work, and the rest after it.
    static func step<Value>(_ work: () throws -> Value) rethrows -> Value {
        try turn.withLock { _ in
            let begin = ContinuousClock.now
            defer { sleep(after: .now - begin) }
            return try work()
        }
    }

    /// Divides long statements into steps. The database must be one that no worker uses.
    ///
    /// Of SQLite's checks this divides what reads rows. Its look at all pages is one instruction before SQLite 3.41: some 10 seconds for 1 GB.
    static func divide<Value>(_ database: Database, _ body: () throws -> Value) rethrows -> Value {
        let moment = Moment()
        sqlite3_progress_handler(
            database.sqliteConnection,
            instructions,
            { context in
                guard let context else { return 0 }
                let moment = Unmanaged<Moment>.fromOpaque(context).takeUnretainedValue()
                Pace.sleep(after: .now - moment.instant)
                moment.instant = .now
                return 0
            },
            Unmanaged.passUnretained(moment).toOpaque()
        )
        defer { sqlite3_progress_handler(database.sqliteConnection, 0, nil, nil) }
        return try withExtendedLifetime(moment) { try body() }
    }

    /// When the present step began.
    private final class Moment {
        var instant = ContinuousClock.now
    }

    private static func sleep(after work: Duration) {
        let rest = rest(after: work)
        var time = timespec(tv_sec: Int(rest.components.seconds), tv_nsec: Int(rest.components.attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }
}
