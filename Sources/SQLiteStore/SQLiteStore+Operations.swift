package import Contract
package import Store

extension SQLiteStore {
    package func begin(
        _ order: LetterOperationOrder,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> LetterOperation? {
        try await writer.write { try $0.begin(order, by: actor, at: now) }
    }

    package func operations(before id: Int64, limit: Int) async throws(StoreError) -> [LetterOperation] {
        readable(try await read { try $0.operations(before: id, limit: limit) })
    }

    package func openOperations() async throws(StoreError) -> [LetterOperation] { readable(try await read { try $0.openOperations() }) }

    package func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await writer.write { try $0.cancelOperation(id, by: actor, at: now) }
    }

    package func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) async throws(StoreError) -> LetterOperation? {
        try await writer.write { try $0.take(step, by: worker, at: now) }
    }

    /// Reports the rows that cannot be read. No worker carries them out.
    private func readable(_ operations: [Result<LetterOperation, SetAsideError>]) -> [LetterOperation] {
        rows.report(operations.compactMap { $0.failure?.row })
        return operations.compactMap { try? $0.get() }
    }
}
