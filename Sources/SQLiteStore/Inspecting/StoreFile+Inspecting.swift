import GRDB
import GRDBSQLite
import Glibc
import Store

extension StoreFile {
    /// Opens the database for one short read transaction. It must be short, because the log cannot be emptied while it lasts.
    ///
    /// - Returns: `nil` when there is no file.
    static func inspect<Value>(_ path: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value? {
        try look(path) { try $0.read(body) }
    }

    /// Access to a file that is read in steps, each a separate transaction.
    struct Looks {
        fileprivate let queue: DatabaseQueue
        /// Whether other programs use the file and long work must keep to a ``Pace``.
        fileprivate let isPaced: Bool

        /// Runs a part of long work.
        func step<Value>(_ body: () throws -> Value) rethrows -> Value { try isPaced ? Pace.step(body) : body() }

        func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try queue.read(body) }

        /// Copies the whole file, as one transaction sees it.
        func copy(to output: DatabaseQueue) throws { try queue.backup(to: output) }

        /// Reads rows by their numbers, in steps of a few milliseconds.
        ///
        /// - Parameters:
        ///   - next: the number of the first row from a number on; `nil` if there is none. A damaged number can be far from all others.
        ///   - body: reads the rows of a range.
        func forEachRange(
            next: (StoreConnection, Int64) throws -> Int64?,
            _ body: (StoreConnection, ClosedRange<Int64>) throws -> Void
        ) throws {
            var (place, size) = (Int64.min, Int64(256))
            while let start = try read({ try next(StoreConnection($0), place) }) {
                let range = start...(start > .max - size ? .max : start + size - 1)
                let took = try step {
                    let begin = ContinuousClock.now
                    try read { try body(StoreConnection($0), range) }
                    return ContinuousClock.now - begin
                }
                if took > Looks.stepTime {
                    size = max(16, size / 2)
                } else if took * 3 < Looks.stepTime {
                    size = min(1 << 20, size * 2)
                }
                guard range.upperBound < .max else { return }
                place = range.upperBound + 1
            }
        }

        /// The approximate time of a step: too short to delay a worker.
        private static let stepTime: Duration = .milliseconds(10)
    }

    /// Opens the database for reading in steps. It changes neither the file nor its log, and creates no other file.
    ///
    /// SQLite makes missing files of its log even to read. They are missing while no program has the store open, and then the file holds
    /// everything: it is opened as immutable. If a program opens the store meanwhile, the file is read again.
    ///
    /// - Parameter isPaced: whether the work is long, and must keep to a ``Pace`` while another program uses the file.
    /// - Returns: `nil` if there is no file.
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

    /// `nil` if SQLite does not accept addresses for files.
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
