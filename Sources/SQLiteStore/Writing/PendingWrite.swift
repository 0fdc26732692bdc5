import Store

/// A pending operation of the writer, with any result.
protocol PendingWrite: AnyObject, Sendable {
    /// Runs the operation. It may be called again, in another transaction.
    func perform(in transaction: Transaction) throws
    /// Sets the error that ``resume()`` returns.
    func fail(_ error: StoreError)
    /// Returns the outcome to the caller, once it is certain.
    func resume()
}

/// An operation with a result. Unchecked: between its submission and ``resume()``, only the writer's thread accesses it.
final class Write<Value: Sendable>: PendingWrite, @unchecked Sendable {
    private let body: (Transaction) throws -> Value
    private let continuation: CheckedContinuation<Result<Value, StoreError>, Never>
    private var outcome: Result<Value, StoreError>?

    init(_ body: @escaping (Transaction) throws -> Value, _ continuation: CheckedContinuation<Result<Value, StoreError>, Never>) {
        self.body = body
        self.continuation = continuation
    }

    func perform(in transaction: Transaction) throws { outcome = .success(try body(transaction)) }

    func fail(_ error: StoreError) { outcome = .failure(error) }

    func resume() {
        continuation.resume(returning: outcome ?? .failure(StoreError(.unexpected, "The store lost the outcome of an operation.")))
    }
}
