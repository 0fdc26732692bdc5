import GRDB
import GRDBSQLite

/// A connection to the database as the store uses it: SQL literals that are prepared once, then bound and read directly.
///
/// GRDB opens, migrates, pools, begins and commits. For statements, its records and arguments would cost more than SQLite itself. It is not
/// `Sendable`: it belongs to the thread to which GRDB lends the database.
final class StoreConnection {
    let database: Database
    /// By the address of the literal, which is the same every time the same line runs.
    private var statements: [UnsafePointer<UInt8>: Statement] = [:]

    /// How many rows of unfinished jobs were read for decisions since the connection was opened.
    var jobRows = 0

    init(_ database: Database) { self.database = database }

    /// Runs a statement that yields nothing, or whose rows do not matter.
    func run<each Argument: Bindable>(_ sql: StaticString, _ values: repeat each Argument) throws {
        let statement = try bound(sql, repeat each values)
        defer { sqlite3_reset(statement) }
        _ = try step(statement)
    }

    /// Returns the first row.
    func first<Value, each Argument: Bindable>(
        _ sql: StaticString,
        _ values: repeat each Argument,
        read: (ResultRow) throws -> Value
    ) throws -> Value? {
        let statement = try bound(sql, repeat each values)
        defer { sqlite3_reset(statement) }
        return try step(statement) ? read(ResultRow(statement)) : nil
    }

    func all<Value, each Argument: Bindable>(
        _ sql: StaticString,
        _ values: repeat each Argument,
        read: (ResultRow) throws -> Value
    ) throws -> [Value] {
        let statement = try bound(sql, repeat each values)
        defer { sqlite3_reset(statement) }
        var output: [Value] = []
        while try step(statement) { output.append(try read(ResultRow(statement))) }
        return output
    }

    /// How many rows the last statement inserted, changed or deleted.
    var changes: Int { Int(sqlite3_changes(database.sqliteConnection)) }

    /// How many rows were inserted, changed or deleted since the connection was opened.
    var totalChanges: Int { database.totalChangesCount }

    /// Steps of SQLite's virtual machine for this connection's statements: their cost, without a clock.
    var machineSteps: Int {
        var steps = 0
        var statement = sqlite3_next_stmt(database.sqliteConnection, nil)
        while let current = statement {
            steps += Int(sqlite3_stmt_status(current, SQLITE_STMTSTATUS_VM_STEP, 0))
            statement = sqlite3_next_stmt(database.sqliteConnection, current)
        }
        return steps
    }

    /// The arguments are a pack, not an array of existentials: the compiler makes a version for each list of types, without copies.
    private func bound<each Argument: Bindable>(_ sql: StaticString, _ values: repeat each Argument) throws -> SQLiteStatement {
        let statement = try prepared(sql).sqliteStatement
        var index: Int32 = 0
        for value in repeat each values {
            index += 1
            let code = value.bind(to: statement, at: index)
            guard code == SQLITE_OK else { throw failure(code) }
        }
        return statement
    }

    private func prepared(_ sql: StaticString) throws -> Statement {
        if let statement = statements[sql.utf8Start] { return statement }
        let statement = try database.cachedStatement(sql: sql.description)
        statements[sql.utf8Start] = statement
        return statement
    }

    /// - Returns: whether there is a row.
    private func step(_ statement: SQLiteStatement) throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code)
        }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: sqlite3_extended_errcode(database.sqliteConnection)),
            message: String(cString: sqlite3_errmsg(database.sqliteConnection))
        )
    }
}
