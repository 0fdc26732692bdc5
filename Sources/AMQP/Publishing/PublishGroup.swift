import Synchronization

/// The result of publishing a message.
package typealias PublishResult = Result<Void, AMQPError>

/// Messages that are published and answered together, with one wait for all.
final class PublishGroup: Sendable {
    private struct State {
        var results: [PublishResult?]
        var unsettled: Int
        var completion: (@Sendable ([PublishResult]) -> Void)?
    }

    let messages: [OutboundMessage]
    /// The moment by which the broker has to answer; otherwise the result is ``AMQPError/Code/timedOut``.
    let deadline: ContinuousClock.Instant

    private let state: Mutex<State>

    init(_ messages: [OutboundMessage], deadline: ContinuousClock.Instant) {
        self.messages = messages
        self.deadline = deadline
        state = Mutex(State(results: Array(repeating: nil, count: messages.count), unsettled: messages.count))
    }

    /// - Parameter completion: called once, on the thread that settles the last message, or immediately. It must return quickly.
    func onCompletion(_ completion: @escaping @Sendable ([PublishResult]) -> Void) {
        finish { $0.completion = completion }
    }

    var isSettled: Bool { state.withLock { $0.unsettled == 0 } }

    func isSettled(_ index: Int) -> Bool { state.withLock { $0.results[index] != nil } }

    /// Sets the result of a message. The first result counts.
    func settle(_ index: Int, _ result: PublishResult) {
        finish { state in
            guard state.results[index] == nil else { return }
            state.results[index] = result
            state.unsettled -= 1
        }
    }

    /// Sets the result of every message that has none yet.
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
