import Synchronization

/// Passes deliveries from the connection's thread to the task that takes them.
///
/// It holds at most the prefetch window: the broker delivers no more until some are acknowledged.
final class DeliveryInbox: Sendable {
    private struct State {
        var deliveries: [Delivery] = []
        var isFinished = false
        var waiter: CheckedContinuation<[Delivery]?, Never>?

        /// The waiter and its deliveries, if there is something to return.
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

    /// Removes deliveries of a closed channel that were not taken yet: the broker delivers them again.
    func remove(generation: UInt64) {
        state.withLock { $0.deliveries.removeAll { $0.tag.generation == generation } }
    }

    /// Called when no more deliveries follow. Those in the inbox can still be taken.
    func finish() {
        resume { $0.isFinished = true }
    }

    /// Returns everything that has arrived over one channel, and waits while there is nothing. It returns `nil` once the inbox is finished,
    /// or when the task is cancelled.
    func next() async -> [Delivery]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                resume { state in
                    precondition(state.waiter == nil, "one task at a time takes deliveries")
                    state.waiter = continuation
                }
                // The task may have been cancelled before the waiter was set.
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
