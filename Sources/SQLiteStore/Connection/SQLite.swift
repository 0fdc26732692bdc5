import GRDBSQLite

/// The library that the program runs with.
package enum SQLite {
    /// Its version, `3.40.1`.
    package static var version: String { String(cString: sqlite3_libversion()) }
}
