package import Contract

/// Operations over many dead letters, which workers carry out: see ``LetterOperation``.
package protocol LetterOperations: Sendable {
    /// Stores an operation that the workers are to carry out.
    ///
    /// - Returns: the operation; `nil` if ``LetterOperation/limit`` operations have not ended.
    func begin(_ order: LetterOperationOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation?

    /// Returns operations before an id, the newest first. They are kept as long as ids (``Retention/ids``).
    func operations(before id: Int64, limit: Int) async throws(StoreError) -> [LetterOperation]

    /// Returns the operations that have not ended, the oldest first.
    func openOperations() async throws(StoreError) -> [LetterOperation]

    /// Ends an operation before its next step.
    ///
    /// - Returns: the operation; `nil` if none of this id is open.
    func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> LetterOperation?

    /// Takes a step of an operation: the letters and the operation's progress change in one transaction, so nothing is done twice.
    ///
    /// - Parameter worker: who ends the operation, if it is the last step. What happens to the letters is the act of the operation's actor.
    /// - Returns: the operation after the step; `nil` if it has ended or another worker has taken the step. Then nothing was changed.
    /// - Throws: ``StoreError/Code/keyRetired`` when a copy is sealed under a retired key.
    func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) async throws(StoreError) -> LetterOperation?
}

extension LetterOperations {
    package func operation(_ id: Int64) async throws(StoreError) -> LetterOperation? {
        guard id < .max else { return nil }
        return try await operations(before: id + 1, limit: 1).first { $0.id == id }
    }
}
