import AMQP

extension Consumer {
    /// Waits until the consumer is registered at the broker.
    ///
    /// - Parameters:
    ///   - limit: the longest wait.
    ///   - what: the object of the message "Waited … for".
    ///   - hint: what to do about an error, or, for `nil`, when the time is over.
    /// - Throws: ``Failure/Status/unavailable``, immediately for an error that lasts, such as a missing permission.
    func untilConsuming(
        atMost limit: Duration,
        for what: String,
        hint: @escaping @Sendable (AMQPError?) -> String
    ) async throws {
        try await wait(atMost: limit, for: what, hint, until: \.isConsuming, in: states)
    }
}

extension Publisher {
    /// Waits until there is a connection; see ``Consumer/untilConsuming(atMost:for:hint:)``.
    func untilConnected(
        atMost limit: Duration,
        for what: String,
        hint: @escaping @Sendable (AMQPError?) -> String
    ) async throws {
        try await wait(atMost: limit, for: what, hint, until: \.isConnected, in: states)
    }
}

private func wait(
    atMost limit: Duration,
    for what: String,
    _ hint: @escaping @Sendable (AMQPError?) -> String,
    until isReached: @escaping @Sendable (ConnectionState) -> Bool,
    in states: AsyncStream<ConnectionState>
) async throws {
    try await Patience(limit).wait(for: what, hint: hint(nil), status: .unavailable) {
        for await state in states {
            if isReached(state) { return }
            if case .disconnected(let reason?) = state, reason.code != .connectionLost {
                throw Failure(.unavailable, reason.message, hint: hint(reason))
            }
        }
    }
}
