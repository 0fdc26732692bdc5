package import Contract
package import Store

extension SQLiteStore {
    package func pauses(at now: Timestamp) async throws(StoreError) -> [Pause] { try await read { try $0.pauses(at: now) } }

    package func pause(_ order: PauseOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause? {
        try await writer.write { try $0.pause(order, by: actor, at: now) }
    }

    package func endPause(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause? {
        try await writer.write { try $0.endPause(id, by: actor, at: now) }
    }
}

extension SQLiteStore {
    package func hasten(
        _ id: JobID,
        of tenant: TenantID,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> WaitingJobOutcome {
        try await writer.write { try $0.hasten(id, of: tenant, by: actor, at: now) }
    }

    package func giveUp(
        _ id: JobID,
        of tenant: TenantID,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> WaitingJobOutcome {
        try await writer.write { try $0.giveUp(id, of: tenant, by: actor, at: now) }
    }
}
