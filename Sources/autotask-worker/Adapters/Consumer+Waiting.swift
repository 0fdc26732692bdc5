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
        try await Patience(limit).wait(for: what, hint: hint(nil)) { [states] in
            for await state in states {
                if state.isConsuming { return }
                if case .disconnected(let reason?) = state, reason.code != .connectionLost {
                    throw Failure(.unavailable, reason.message, hint: hint(reason))
                }
            }
        }
    }
}
