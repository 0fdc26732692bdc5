import Synchronization

/// Between the connection's thread and whoever takes the deliveries.
///
/// It holds at most the prefetch window: the broker hands over no more until some are acknowledged.
final class DeliveryInbox: Sendable {
    private struct State {
        var deliveries: [Delivery] = []
        var isFinished = false
        var waiter: CheckedContinuation<[Delivery]?, Never>?

        /// The waiter and what it gets, if there is something to get.
        mutating func answer() -> (CheckedContinuation<[Delivery]?, Never>, [Delivery]?)? {
            guard !deliveries.isEmpty || isFinished, let waiter else { return nil }
            self.waiter = nil
            return (waiter, take())
        }

        mutating func take() -> [Delivery]? {
            guard let generation = deliveries.first?.tag.generation else { return nil }
            let batch = deliveries.filter { $0.tag.generation == generation }
            if batch.count == deliveries.count { deliveries = [] } else { deliveries.removeAll { $0.tag.generation == generation } }
            return batch
        }
    }

    private let state = Mutex(State())

    func append(_ deliveries: [Delivery]) {
        resume { $0.deliveries += deliveries }
    }

    /// Takes back what nobody has taken yet of a channel that is gone: it comes again.
    func remove(generation: UInt64) {
        state.withLock { $0.deliveries.removeAll { $0.tag.generation == generation } }
    }

    /// Nothing more comes; what is there can still be taken.
    func finish() {
        resume { $0.isFinished = true }
    }

    /// Everything that has arrived over one channel; waits while there is nothing. `nil` once it is finished, or the task is cancelled.
    func next() async -> [Delivery]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                resume { state in
                    precondition(state.waiter == nil, "one task at a time takes deliveries")
                    state.waiter = continuation
                }
                // A cancellation that came before there was anybody to wake.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
    }

    private func cancel() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    private func resume(after change: (inout State) -> Void) {
        let answer = state.withLock { state in
            change(&state)
            return state.answer()
        }
        if let (waiter, deliveries) = answer { waiter.resume(returning: deliveries) }
    }
}
