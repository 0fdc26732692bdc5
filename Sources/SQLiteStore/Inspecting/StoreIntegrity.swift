import Foundation
import GRDB
import Glibc
package import Store

/// Checks with SQLite that the file is not damaged.
package enum StoreIntegrity {
    /// In bytes: SQLite's own check of a file of this size takes a few milliseconds. The log cannot be emptied until it ends.
    private static let wholeLimit: Int64 = 8 << 20

    /// Reads the whole file while workers run.
    ///
    /// SQLite itself checks a small file. Every row of a larger one is read in steps; with `isThorough`, each row is also looked up through every
    /// index, at a ``Pace``. The use of the file's pages is not checked then, but it is checked in each copy that is made
    /// (``StoreBackup``).
    ///
    /// - Parameter isThorough: whether to compare indexes with their tables, and references with their targets. It takes longer.
    /// - Returns: the first few problems; empty if the file is not damaged or does not exist.
    package static func problems(of path: String, isThorough: Bool) async throws(StoreError) -> [String] {
        try await StoreThread.run { () throws(StoreError) in
            var status = stat()
            let isSmall = stat(path, &status) != 0 || Int64(status.st_size) <= wholeLimit
            let problems = try StoreFile.look(path, isPaced: isThorough) { looks in
                try isSmall ? looks.read { try whole($0, isThorough: isThorough) } : inSteps(looks, isThorough: isThorough)
            }
            return problems ?? []
        }
    }

    private static func whole(_ database: Database, isThorough: Bool) throws -> [String] {
        var problems = try String.fetchAll(database, sql: "PRAGMA \(isThorough ? "integrity_check" : "quick_check")(3)")
        problems.removeAll { $0 == "ok" }
        if isThorough {
            let tables = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").compactMap { $0[0] as String? }
            problems += Set(tables).sorted().map { "rows of \($0) refer to missing rows" }
        }
        return problems
    }

    // MARK: In steps

    private struct Table {
        let name: String
        /// The columns that order it: the primary key, if it has no row numbers.
        let key: [String]
        let hasRowNumbers: Bool
        let indexes: [(name: String, columns: [String], condition: String?)]

        init(_ name: String, in database: Database) throws {
            self.name = name
            let sql = try String.fetchOne(database, sql: "SELECT sql FROM sqlite_master WHERE name = ?", arguments: [name]) ?? ""
            hasRowNumbers = !sql.uppercased().contains("WITHOUT ROWID")
            key = try Row.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", arguments: [name])
                .map { $0[0] }
            indexes = try Row.fetchAll(
                database,
                sql: "SELECT l.name, m.sql FROM pragma_index_list(?) l JOIN sqlite_master m ON m.name = l.name WHERE l.origin <> 'pk'",
                arguments: [name]
            ).map { row in
                let index: String = row[0]
                let columns = try String.fetchAll(database, sql: "SELECT name FROM pragma_index_info(?)", arguments: [index])
                let condition = (row[1] as String?).flatMap { sql in sql.range(of: " WHERE ").map { String(sql[$0.upperBound...]) } }
                return (index, columns, condition)
            }
        }
    }

    private static func inSteps(_ looks: StoreFile.Looks, isThorough: Bool) throws -> [String] {
        var problems: [String] = []
        do {
            let tables = try looks.read { database in
                try String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                    .map { try Table($0, in: database) }
            }
            for table in tables {
                problems += try table.hasRowNumbers ? rows(of: table, looks, isThorough) : keys(of: table, looks)
                if problems.count >= 3 { break }
            }
        } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
            problems.append(error.message ?? "malformed")
        }
        return problems
    }

    /// The statement for the number of the first row of a table from a number on. It must not read the table.
    static func next(of table: String) -> String { "SELECT MIN(rowid) FROM \"\(table)\" WHERE rowid >= ?" }

    /// Reads all rows of a table. A thorough check also looks each up through the table's indexes.
    private static func rows(of table: Table, _ looks: StoreFile.Looks, _ isThorough: Bool) throws -> [String] {
        var problems: [String] = []
        let next = { (connection: StoreConnection, number: Int64) in
            try Int64.fetchOne(connection.database, sql: StoreIntegrity.next(of: table.name), arguments: [number])
        }
        try looks.forEachRange(next: next) { connection, range in
            let arguments: StatementArguments = [range.lowerBound, range.upperBound]
            let rows = try Row.fetchCursor(
                connection.database,
                sql: "SELECT * FROM \"\(table.name)\" NOT INDEXED WHERE rowid BETWEEN ? AND ?",
                arguments: arguments
            )
            while try rows.next() != nil {}
            guard isThorough else { return }
            for index in table.indexes {
                let condition = index.condition.map { " AND (\($0))" } ?? ""
                let columns = index.columns.map { "b.\"\($0)\" IS a.\"\($0)\"" }.joined(separator: " AND ")
                let missing = try Int64.fetchOne(
                    connection.database,
                    sql: """
                        SELECT COUNT(*) FROM (SELECT rowid AS number, * FROM "\(table.name)" NOT INDEXED
                            WHERE rowid BETWEEN ? AND ?\(condition)) a
                        WHERE NOT EXISTS (SELECT 1 FROM "\(table.name)" b INDEXED BY "\(index.name)"
                            WHERE \(columns) AND b.rowid = a.number\(condition))
                        """,
                    arguments: arguments
                )
                if let missing, missing > 0 { problems.append("\(missing) rows of \(table.name) are missing from index \(index.name)") }
            }
        }
        return problems
    }

    /// Reads all rows of a table that is ordered by its key.
    private static func keys(of table: Table, _ looks: StoreFile.Looks) throws -> [String] {
        let key = table.key.map { "\"\($0)\"" }.joined(separator: ", ")
        let places = table.key.map { _ in "?" }.joined(separator: ", ")
        var last: [DatabaseValue]?
        while true {
            let after = last
            let rows = try looks.step {
                try looks.read { database in
                    try Row.fetchAll(
                        database,
                        sql:
                            "SELECT \(key), * FROM \"\(table.name)\"\(after == nil ? "" : " WHERE (\(key)) > (\(places))") ORDER BY \(key) LIMIT 500",
                        arguments: StatementArguments(after ?? [])
                    )
                }
            }
            guard rows.count == 500, let end = rows.last else { return [] }
            last = end.databaseValues.prefix(table.key.count).map(\.self)
        }
    }
}
