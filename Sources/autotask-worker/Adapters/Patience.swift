import Synchronization

/// A command's wait with a limit. At the limit it throws a ``Failure`` with a hint.
final class Patience: Sendable {
    private let limit: Duration
    private let end: Mutex<ContinuousClock.Instant>

    init(_ limit: Duration) {
        self.limit = limit
        end = Mutex(.now + limit)
    }

    /// Extends the wait by the time of a deferral.
    func extend(by delay: Duration) { end.withLock { $0 = max($0, .now + delay + limit) } }

    /// Runs `body`, and cancels it when the time is over.
    ///
    /// - Parameters:
    ///   - what: the object of the message "Waited … for".
    ///   - hint: what to do when the time is over.
    ///   - status: the failure's status when the time is over.
    ///   - body: the work to wait for.
    func wait<Value: Sendable>(
        for what: String,
        hint: String,
        status: Failure.Status = .no,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let begin = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask { [self] in
                while case let end = end.withLock({ $0 }), end > .now { try await Task.sleep(until: end, clock: .continuous) }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw Failure(status, "Waited \((ContinuousClock.now - begin).components.seconds) s for \(what).", hint: hint)
            }
            return value
        }
    }
}
