import GRDB
import GRDBSQLite
import Glibc
import Store

extension StoreFile {
    /// Opens the database for one short read transaction. It has to be short, because while it lasts no log
    /// can be emptied.
    ///
    /// - Returns: `nil` when there is no file.
    static func inspect<Value>(_ path: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value? {
        try look(path) { try $0.read(body) }
    }

    /// A file that is read in steps, each a separate transaction.
    struct Looks {
        fileprivate let queue: DatabaseQueue
        /// Whether others use the file, and long work keeps to its ``Pace``.
        fileprivate let isPaced: Bool

        /// A part of long work.
        func step<Value>(_ body: () throws -> Value) rethrows -> Value { try isPaced ? Pace.step(body) : body() }

        func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try queue.read(body) }

        /// Copies all of it, as one transaction sees it.
        func copy(to output: DatabaseQueue) throws { try queue.backup(to: output) }

        /// Looks through rows by their numbers, in steps of some milliseconds.
        ///
        /// - Parameters:
        ///   - first: the number of the first row.
        ///   - last: that of the last one.
        ///   - body: looks at the rows of a range.
        func forEachRange(from first: Int64, to last: Int64, _ body: (Connection, ClosedRange<Int64>) throws -> Void) throws {
            var (start, size) = (first, Int64(256))
            while start <= last {
                let range = start...min(last, start + size - 1)
                let took = try step {
                    let begin = ContinuousClock.now
                    try read { try body(Connection($0), range) }
                    return ContinuousClock.now - begin
                }
                if took > Looks.stepTime {
                    size = max(16, size / 2)
                } else if took * 3 < Looks.stepTime {
                    size = min(1 << 20, size * 2)
                }
                start = range.upperBound + 1
            }
        }

        /// The time that a step takes, about: too short to delay a worker.
        private static let stepTime: Duration = .milliseconds(10)
    }

    /// Opens the database for reading in steps. Changes neither the file nor its log, and creates no other file.
    ///
    /// Even to read, SQLite makes the files of its log when they are not there. While no program has the store open they are not, and the file
    /// alone is the whole of it: then it is read as one that nobody changes. Should somebody begin to meanwhile, it is read once more.
    ///
    /// - Parameter isPaced: whether the work is long, and keeps to its ``Pace`` beside a program that uses the file.
    /// - Returns: `nil` when there is no file.
    static func look<Value>(_ path: String, isPaced: Bool = false, _ body: (Looks) throws -> Value) throws(StoreError) -> Value? {
        guard try isThere(path) else { return nil }
        do {
            if !hasLog(path), let alone = address(ofUnchanging: path) {
                let outcome = Result { try body(Looks(queue: readOnly(path, address: alone), isPaced: false)) }
                if !hasLog(path) { return try outcome.get() }
            }
            return try body(Looks(queue: readOnly(path), isPaced: isPaced))
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func hasLog(_ path: String) -> Bool { access(path + "-wal", F_OK) == 0 }

    /// `nil` where SQLite does not take addresses for files.
    private static func address(ofUnchanging path: String) -> String? {
        guard sqlite3_compileoption_used("USE_URI") != 0 else { return nil }
        let path = path.reduce(into: "") { text, character in
            switch character {
            case "%": text += "%25"
            case "?": text += "%3f"
            case "#": text += "%23"
            default: text.append(character)
            }
        }
        return "file:\(path)?immutable=1"
    }
}
