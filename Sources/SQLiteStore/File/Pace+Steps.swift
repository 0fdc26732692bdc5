import GRDB
import GRDBSQLite
import Glibc
import Store
import Synchronization

/// Steps of work on a dedicated thread, which may sleep.
extension Pace {
    /// Instructions of SQLite in a step: a few milliseconds.
    private static let instructions: Int32 = 20_000

    /// The steps of a process take turns, so that together they take no more than one would.
    private static let turn = Mutex(())

    /// Runs one step of the work, then rests.
    static func step<Value>(_ work: () throws -> Value) rethrows -> Value {
        try turn.withLock { _ in
            let begin = ContinuousClock.now
            defer { sleep(after: .now - begin) }
            return try work()
        }
    }

    /// Divides long statements into steps. The database must be one that no worker uses.
    ///
    /// It divides the part of SQLite's checks that reads rows. Before SQLite 3.41, the check of all pages is one instruction: about 10 seconds
    /// for 1 GB.
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

    /// When the current step began.
    private final class Moment {
        var instant = ContinuousClock.now
    }

    private static func sleep(after work: Duration) {
        let rest = rest(after: work)
        var time = timespec(tv_sec: Int(rest.components.seconds), tv_nsec: Int(rest.components.attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }
}
