import Contract
import Store

/// Applies the changes that a job makes to its lane.
extension Transaction {
    func apply(_ changes: LaneChanges, to row: inout LaneRow, at now: Timestamp) throws {
        if changes.resets { try reset(&row, at: now) }
        row.isEligible = row.isEligible || changes.becomesEligible
        row.isEnabled = row.isEnabled || changes.becomesEnabled
        try apply(changes.connection, replacingKey: changes.replacesCredentialsKey, to: &row)
        try apply(changes.refusedCredentials, to: row)
        try apply(changes.billingCodes, to: row)
        if changes.removesBindings { try removeBindings(of: &row) }
        if changes.becomesSettled { row.unsettledSince = nil }
        try apply(changes.driftDigest, to: row)
        for binding in changes.bindings { try apply(binding, to: row) }
        for (planID, serviceKey) in changes.retired {
            try connection.run("DELETE FROM bindings WHERE lane = ? AND plan = ? AND service_key = ?", row.id, planID, serviceKey)
        }
        try apply(changes.journal, to: row)
        if let (planID, revision) = changes.ranRevision {
            try connection.run(
                """
                INSERT INTO plans (lane, plan, revision, ran_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (lane, plan) DO UPDATE SET revision = MAX(revision, excluded.revision), ran_at = excluded.ran_at
                """,
                row.id,
                planID,
                revision,
                now
            )
        }
    }

    /// Erases the lane. The credentials key goes first: without it, nobody can read the credentials.
    ///
    /// Digests of credentials that were refused just now stay. Otherwise connects and resets by turns could lock an API user.
    private func reset(_ row: inout LaneRow, at now: Timestamp) throws {
        try apply(.remove as LaneChanges.Change<ConnectionRecord>, replacingKey: true, to: &row)
        try connection.run(
            "DELETE FROM refused_credentials WHERE lane = ? AND refused_at < ?",
            row.id,
            now - RefusedCredentials.keptByReset
        )
        try apply(.remove as LaneChanges.Change<CachedBillingCodes>, to: row)
        try removeBindings(of: &row)
        try connection.run("DELETE FROM plans WHERE lane = ?", row.id)
        // The index of the tenant's ids finds the lane's jobs. Resets are rare, and a separate index would cost time with every job.
        try connection.run(
            """
            UPDATE jobs SET data = NULL, asked = NULL, account = NULL
            WHERE tenant = ? AND lane = ? AND (data IS NOT NULL OR asked IS NOT NULL OR account IS NOT NULL)
            """,
            row.lane.tenant.description,
            row.id
        )
        try eraseLetters(of: row.lane)
        row.epoch += 1
        row.nextSequence = 1
        row.isEnabled = false
        hasErased = true
    }

    /// Removes bindings and journal. Unresolved writes may still take effect, so the time of the last one stays.
    private func removeBindings(of row: inout LaneRow) throws {
        let sent = try connection.first("SELECT MAX(entered_at) FROM journal WHERE lane = ? AND state = 'sent'", row.id) {
            $0.optional(0, $0.moment)
        }
        row.unsettledSince = [row.unsettledSince, sent ?? nil].compactMap { $0 }.max()
        try connection.run("DELETE FROM bindings WHERE lane = ?", row.id)
        try connection.run("DELETE FROM journal WHERE lane = ?", row.id)
        try connection.run("UPDATE checks SET found = NULL WHERE lane = ? AND found IS NOT NULL", row.id)
    }

    private func apply(_ change: LaneChanges.Change<ConnectionRecord>, replacingKey: Bool, to row: inout LaneRow) throws {
        switch change {
        case .keep: break
        case .remove:
            try connection.run("DELETE FROM credential_keys WHERE lane = ?", row.id)
            try connection.run("DELETE FROM connections WHERE lane = ?", row.id)
            try connection.run("DELETE FROM checks WHERE lane = ?", row.id)
            row.hold.database = nil
        case .set(let record):
            if replacingKey { try connection.run("DELETE FROM credential_keys WHERE lane = ?", row.id) }
            try connection.run(
                "INSERT OR IGNORE INTO credential_keys (lane, wrapped_key) VALUES (?, ?)",
                row.id,
                record.wrappedKey
            )
            if connection.changes > 0 { try checkKey(of: record.wrappedKey) }
            try connection.run(
                """
                INSERT OR REPLACE INTO connections (lane, status, zone_name, zone_api_url, zone_web_url, database_id, username, credentials,
                    credentials_digest, can_query, can_create, can_update, cost_visible, service_fields, established_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                row.id,
                record.status.rawValue,
                record.zone.name,
                record.zone.apiURL,
                record.zone.webURL,
                record.databaseID,
                record.username,
                record.sealedCredentials,
                record.credentialsDigest,
                record.capabilities.canQueryServices,
                record.capabilities.canCreateServices,
                record.capabilities.canUpdateServices,
                record.capabilities.costVisible,
                record.serviceFields,
                record.establishedAt
            )
            for kind in JobKind.scheduled {
                try connection.run("INSERT OR IGNORE INTO checks (lane, kind) VALUES (?, ?)", row.id, kind.rawValue)
            }
            row.hold.database = record.databaseID
        }
    }

    private func apply(_ change: LaneChanges.Change<String>, to row: LaneRow) throws {
        let digest: String?
        switch change {
        case .keep: return
        case .remove: digest = nil
        case .set(let new): digest = new
        }
        try connection.run("UPDATE checks SET found = ? WHERE lane = ? AND kind = ?", digest, row.id, JobKind.drift.rawValue)
    }

    private func apply(_ change: LaneChanges.RefusalChange, to row: LaneRow) throws {
        switch change {
        case .keep: break
        case .forget(let digest): try connection.run("DELETE FROM refused_credentials WHERE lane = ? AND digest = ?", row.id, digest)
        case .remember(let refused):
            try connection.run(
                "INSERT OR REPLACE INTO refused_credentials (lane, digest, refused_at, code) VALUES (?, ?, ?, ?)",
                row.id,
                refused.digest,
                refused.at,
                refused.code.rawValue
            )
            try connection.run(
                """
                DELETE FROM refused_credentials WHERE lane = ?1 AND digest NOT IN
                    (SELECT digest FROM refused_credentials WHERE lane = ?1 ORDER BY refused_at DESC, digest DESC LIMIT ?2)
                """,
                row.id,
                RefusedCredentials.limit
            )
        }
    }

    private func apply(_ change: LaneChanges.Change<CachedBillingCodes>, to row: LaneRow) throws {
        switch change {
        case .keep: break
        case .remove: try connection.run("DELETE FROM billing_codes WHERE lane = ?", row.id)
        case .set(let cached):
            try connection.run(
                "INSERT OR REPLACE INTO billing_codes (lane, read_at, codes) VALUES (?, ?, ?)",
                row.id,
                cached.readAt,
                cached.codes
            )
        }
    }

    private func apply(_ binding: ServiceBinding, to row: LaneRow) throws {
        try connection.run(
            """
            INSERT OR REPLACE INTO bindings (lane, plan, service_key, autotask_id, status, last_synced_at, last_synced, last_error)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            row.id,
            binding.planID,
            binding.serviceKey,
            binding.autotaskServiceID,
            binding.status.rawValue,
            binding.lastSyncedAt,
            binding.lastSynced,
            binding.lastErrorCode?.rawValue
        )
    }

    /// Stores entries, which replace those of their services. A verified write is settled and needs no entry.
    func apply(_ entries: [JournalEntry], to row: LaneRow) throws {
        for entry in entries {
            guard entry.state != .verified else {
                try connection.run(
                    "DELETE FROM journal WHERE lane = ? AND plan = ? AND service_key = ?",
                    row.id,
                    entry.planID,
                    entry.serviceKey
                )
                continue
            }
            try connection.run(
                """
                INSERT OR REPLACE INTO journal (lane, plan, service_key, operation, state, autotask_id, name, answer, written, entered_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                row.id,
                entry.planID,
                entry.serviceKey,
                entry.operation.rawValue,
                entry.state.rawValue,
                entry.autotaskServiceID,
                entry.name,
                entry.answer,
                entry.written,
                entry.at
            )
        }
    }
}
