import Synchronization

/// What became of a message that was published.
package typealias PublishResult = Result<Void, AMQPError>

/// Messages that were handed over together, and are answered together: one wait for all of them.
final class PublishGroup: Sendable {
    private struct State {
        var results: [PublishResult?]
        var unsettled: Int
        var completion: (@Sendable ([PublishResult]) -> Void)?
    }

    let messages: [OutboundMessage]
    /// By then the broker has answered, or the answer is ``AMQPError/Code/timedOut``.
    let deadline: ContinuousClock.Instant

    private let state: Mutex<State>

    init(_ messages: [OutboundMessage], deadline: ContinuousClock.Instant) {
        self.messages = messages
        self.deadline = deadline
        state = Mutex(State(results: Array(repeating: nil, count: messages.count), unsettled: messages.count))
    }

    /// - Parameter completion: called once, on whichever thread settles the last message, or at once; it must return quickly.
    func onCompletion(_ completion: @escaping @Sendable ([PublishResult]) -> Void) {
        finish { $0.completion = completion }
    }

    var isSettled: Bool { state.withLock { $0.unsettled == 0 } }

    func isSettled(_ index: Int) -> Bool { state.withLock { $0.results[index] != nil } }

    /// The first result counts.
    func settle(_ index: Int, _ result: PublishResult) {
        finish { state in
            guard state.results[index] == nil else { return }
            state.results[index] = result
            state.unsettled -= 1
        }
    }

    /// The result of everything that has none yet.
    func settleRest(_ error: AMQPError) {
        finish { state in
            state.results = state.results.map { $0 ?? .failure(error) }
            state.unsettled = 0
        }
    }

    private func finish(after change: (inout State) -> Void) {
        let completion: (() -> Void)? = state.withLock { state in
            change(&state)
            guard state.unsettled == 0, let completion = state.completion else { return nil }
            state.completion = nil
            let results = state.results.compactMap { $0 }
            return { completion(results) }
        }
        completion?()
    }
}
