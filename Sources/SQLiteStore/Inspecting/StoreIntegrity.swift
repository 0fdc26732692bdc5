import GRDB
package import Store

/// Whether SQLite finds the file sound.
package enum StoreIntegrity {
    /// Reads the whole file, beside workers that run.
    ///
    /// - Parameter isThorough: whether indexes are compared with their tables too, and references with what they refer to. It takes longer.
    /// - Returns: what is wrong, the first few things of it; empty when it is sound, or not there.
    package static func problems(of path: String, isThorough: Bool) async throws(StoreError) -> [String] {
        try await StoreThread.run { () throws(StoreError) in
            let problems = try StoreFile.inspect(path) { database in
                var problems = try String.fetchAll(database, sql: "PRAGMA \(isThorough ? "integrity_check" : "quick_check")(3)")
                problems.removeAll { $0 == "ok" }
                if isThorough {
                    let tables = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").compactMap { $0[0] as String? }
                    problems += Set(tables).sorted().map { "rows of \($0) refer to what is not there" }
                }
                return problems
            }
            return problems ?? []
        }
    }
}
