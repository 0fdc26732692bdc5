/// A wait of a command's, which ends with a message that says what to do.
struct Patience {
    private let limit: Duration

    init(_ limit: Duration) { self.limit = limit }

    /// Runs `body`, and gives up on it when the time is over.
    ///
    /// - Parameters:
    ///   - what: for the message, "Waited … for" it.
    ///   - hint: what to do then.
    ///   - body: what is waited for.
    func wait<Value: Sendable>(for what: String, hint: String, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask { [limit] in
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw Failure(.no, "Waited \(limit.components.seconds) s for \(what).", hint: hint)
            }
            return value
        }
    }
}
