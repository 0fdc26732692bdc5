import Contract
import Store

/// Counts the store's sealed contents by key.
extension StoreConnection {
    func keyUses() throws -> [String: KeyUse] {
        var uses: [String: KeyUse] = [:]
        // The front of a sealed form names its key.
        for id in try keys("SELECT wrapped_key FROM credential_keys") { uses[id, default: KeyUse()].credentials += 1 }
        for id in try keys("SELECT substr(payload, 1, 257) FROM jobs WHERE finished_at IS NULL") { uses[id, default: KeyUse()].jobs += 1 }
        for id in try keys("SELECT substr(payload, 1, 257) FROM dead_letters WHERE payload IS NOT NULL") {
            uses[id, default: KeyUse()].letters += 1
        }
        return uses
    }

    /// - Parameter sql: returns the sealed forms.
    private func keys(_ sql: StaticString) throws -> [String] { try all(sql) { SealedForm.keyID(of: $0.bytes(0)) }.compactMap(\.self) }
}

extension Transaction {
    /// - Throws: ``StoreError/Code/keyRetired`` when the key of a sealed form was retired.
    func checkKey(of sealed: [UInt8]) throws {
        guard let id = SealedForm.keyID(of: sealed), id != usableKey else { return }
        let isRetired = try connection.first("SELECT 1 FROM retired_keys WHERE id = ?", id) { _ in true } ?? false
        guard !isRetired else { throw StoreError.keyRetired(id) }
        usableKey = id
    }

    func rewrapKeys(after lane: Lane?, limit: Int, _ rewrap: (Lane, [UInt8]) -> [UInt8]?) throws -> RewrapStep {
        let rows = try connection.all(
            """
            SELECT lanes.id, tenant, product, wrapped_key FROM lanes JOIN credential_keys k ON k.lane = lanes.id
            WHERE (tenant, product) > (?, ?) ORDER BY tenant, product LIMIT ?
            """,
            lane?.tenant.description ?? "",
            lane?.product.rawValue ?? "",
            limit
        ) { row in
            (id: row.integer(0), name: "\(row.text(1))/\(row.text(2))", lane: Result { try row.lane(1) }, wrapped: row.bytes(3))
        }
        // The key of an unreadable lane stays unchanged, so the key that wraps it cannot be retired.
        let last = rows.last { $0.lane.failure == nil }.flatMap { try? $0.lane.get() }
        var step = RewrapStep(last: rows.count == limit ? last : nil, seen: rows.count, rewrapped: 0)
        for row in rows {
            guard let lane = try? row.lane.get() else {
                setAside.append(SetAside("The integration \(row.name)", because: row.lane.failure.map { "\($0)" } ?? ""))
                continue
            }
            guard let wrapped = rewrap(lane, row.wrapped) else { continue }
            try checkKey(of: wrapped)
            try connection.run("UPDATE credential_keys SET wrapped_key = ? WHERE lane = ?", wrapped, row.id)
            step.rewrapped += 1
        }
        // Keys that a former key wrapped must not remain in the file.
        if step.rewrapped > 0 { hasErased = true }
        return step
    }

    func retireKey(_ id: String, at now: Timestamp) throws -> KeyUse {
        let use = try connection.keyUses()[id] ?? KeyUse()
        guard use.isNone else { return use }
        try connection.run("INSERT OR IGNORE INTO retired_keys (id, retired_at) VALUES (?, ?)", id, now)
        usableKey = nil
        return use
    }
}
