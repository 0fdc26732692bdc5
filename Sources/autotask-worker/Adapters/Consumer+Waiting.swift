import AMQP

extension Consumer {
    /// Waits until the broker hands over messages.
    ///
    /// - Parameters:
    ///   - limit: how long to wait at most.
    ///   - what: for the message, "Waited … for" it.
    ///   - hint: what to do about an error, or, for `nil`, when they do not come.
    /// - Throws: what another attempt does not mend, such as a right that the user lacks, at once as ``Failure/Status/unavailable``.
    func untilConsuming(
        atMost limit: Duration,
        for what: String,
        hint: @escaping @Sendable (AMQPError?) -> String
    ) async throws {
        try await states.first(atMost: limit, for: what, hint: hint) { $0.isConsuming }
    }
}

extension Publisher {
    /// Waits until there is a connection; see ``Consumer/untilConsuming(atMost:for:hint:)``.
    func untilConnected(
        atMost limit: Duration,
        for what: String,
        hint: @escaping @Sendable (AMQPError?) -> String
    ) async throws {
        try await states.first(atMost: limit, for: what, hint: hint) { $0.isConnected }
    }
}

extension AsyncStream where Element == ConnectionState {
    fileprivate func first(
        atMost limit: Duration,
        for what: String,
        hint: @escaping @Sendable (AMQPError?) -> String,
        where isReached: @escaping @Sendable (ConnectionState) -> Bool
    ) async throws {
        try await Patience(limit).wait(for: what, hint: hint(nil), status: autotask_worker.Failure.Status.unavailable) {
            for await state in self {
                if isReached(state) { return }
                if case .disconnected(let reason?) = state, reason.code != .connectionLost {
                    throw autotask_worker.Failure(autotask_worker.Failure.Status.unavailable, reason.message, hint: hint(reason))
                }
            }
        }
    }
}
