import Synchronization

/// A wait of a command's, which ends with a message that says what to do.
final class Patience: Sendable {
    private let limit: Duration
    private let end: Mutex<ContinuousClock.Instant>

    init(_ limit: Duration) {
        self.limit = limit
        end = Mutex(.now + limit)
    }

    /// Waits longer, because the job was deferred by that time.
    func extend(by delay: Duration) { end.withLock { $0 = max($0, .now + delay + limit) } }

    /// Runs `body`, and gives up on it when the time is over.
    ///
    /// - Parameters:
    ///   - what: for the message, "Waited … for" it.
    ///   - hint: what to do then.
    ///   - status: what the time's end means.
    ///   - body: what is waited for.
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
