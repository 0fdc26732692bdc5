import Store

/// An operation on its way through the writer, whatever it returns.
protocol PendingWrite: AnyObject, Sendable {
    /// Carries it out. It may be called again, in another transaction.
    func perform(in transaction: Transaction) throws
    /// Sets the outcome that ``resume()`` is going to tell.
    func fail(_ error: StoreError)
    /// Tells the caller what became of it, once that is certain.
    func resume()
}

/// Unchecked: between its submission and ``resume()``, only the writer's thread touches it.
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
