package import Store

/// Names in a store that a shell can offer. They are read without changing the file.
package enum StoreNames: Sendable {
    case tenants
    /// Ids of jobs, without scheduled checks.
    case jobs
    /// Ids of dead letters.
    case letters
    case fingerprints
    /// Reasons of dead letters.
    case reasons
    /// Ids of background operations.
    case operations

    /// The newest rows that are searched: enough for what a person looks for, and few enough for a moment.
    private static let rows = 2000

    /// - Parameters:
    ///   - path: the path of the store.
    ///   - tenant: limits jobs and dead letters to one tenant.
    ///   - beginning: the beginning of each name.
    ///   - limit: the largest number of names.
    /// - Returns: the newest names first, tenants by name; none if there is no store.
    package func look(
        at path: String,
        tenant: String? = nil,
        beginning: String,
        limit: Int
    ) async throws(StoreError) -> [String] {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { database in
                guard try StoreFile.check(database, of: path, mayBeEmpty: true) != .none else { return [] }
                return try names(StoreConnection(database), tenant, beginning, limit)
            } ?? []
        }
    }

    private func names(_ store: StoreConnection, _ tenant: String?, _ beginning: String, _ limit: Int) throws -> [String] {
        var seen: Set<String> = []
        let names = try rows(store, tenant, beginning).filter { $0.hasPrefix(beginning) && seen.insert($0).inserted }
        return Array(names.prefix(limit))
    }

    private func rows(_ store: StoreConnection, _ tenant: String?, _ beginning: String) throws -> [String] {
        switch self {
        case .tenants:
            try store.all("SELECT DISTINCT tenant FROM lanes WHERE tenant >= ? ORDER BY tenant LIMIT ?", beginning, StoreNames.rows) {
                $0.text(0)
            }
        case .jobs:
            try store.all(
                """
                SELECT job_id FROM (SELECT place, job_id, tenant, is_scheduled FROM jobs ORDER BY place DESC LIMIT ?)
                WHERE is_scheduled = 0 AND tenant = COALESCE(?, tenant) ORDER BY place DESC
                """,
                StoreNames.rows,
                tenant
            ) { $0.text(0) }
        case .letters: try letters(store, tenant) { "\($0.integer(0))" }
        case .fingerprints: try letters(store, tenant) { $0.text(1) }
        case .reasons: try letters(store, tenant) { $0.text(2) }
        case .operations:
            try store.all("SELECT id FROM operations ORDER BY id DESC LIMIT ?", StoreNames.rows) { "\($0.integer(0))" }
        }
    }

    private func letters(_ store: StoreConnection, _ tenant: String?, _ name: (ResultRow) -> String) throws -> [String] {
        try store.all(
            """
            SELECT id, fingerprint, reason FROM (SELECT id, fingerprint, reason, tenant FROM dead_letters ORDER BY id DESC LIMIT ?)
            WHERE ? IS NULL OR tenant = ? ORDER BY id DESC
            """,
            StoreNames.rows,
            tenant,
            tenant,
            read: name
        )
    }
}
