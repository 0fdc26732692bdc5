import Contract
import Synchronization

@testable import Engine

/// A source of deliveries for tests.
final class Door: JobSource {
    private struct State {
        var waiting: [IncomingBatch] = []
        var isClosed = false
        var waiter: CheckedContinuation<IncomingBatch?, Never>?
        var acknowledged: [Int] = []
        var next = 0
        /// By batch, how many times it is still this worker's.
        var losses: [Int: Int] = [:]
        var suspensions: [Bool] = []
        var observer: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// The numbers of the acknowledged batches, in order of acknowledgement.
    var acknowledged: [Int] { state.withLock { $0.acknowledged } }

    /// - Returns: the batch's number.
    @discardableResult
    func deliver(_ deliveries: JobMessage...) -> Int { deliver(deliveries) }

    /// - Returns: the batch's number.
    @discardableResult
    func deliver(_ deliveries: [JobMessage]) -> Int {
        hand { state in
            state.next += 1
            let number = state.next
            state.waiting.append(
                IncomingBatch(
                    deliveries: deliveries,
                    acknowledge: { [self] in acknowledge(number) },
                    isHeld: { [self] in holds(number) }
                )
            )
            return number
        }
    }

    func close() { hand { $0.isClosed = true } }

    func nextBatch() async -> IncomingBatch? {
        await withCheckedContinuation { continuation in hand { $0.waiter = continuation } }
    }

    private func acknowledge(_ batch: Int) { state.withLock { $0.acknowledged.append(batch) } }

    private func holds(_ batch: Int) -> Bool {
        state.withLock { state in
            guard let left = state.losses[batch] else { return true }
            state.losses[batch] = left - 1
            return left > 0
        }
    }

    /// Ends the batch's connection after `answers` questions about it.
    func lose(_ batch: Int, after answers: Int = 0) { state.withLock { $0.losses[batch] = answers } }

    func suspend() { note(suspended: true) }

    func resume() { note(suspended: false) }

    /// The engine's requests to the source: `true` for suspending it.
    var suspensions: [Bool] { state.withLock { $0.suspensions } }

    /// Returns when the last request is the given one.
    func isSuspended(_ isSuspended: Bool) async {
        while suspensions.last != isSuspended {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.suspensions.last != isSuspended { state.observer = continuation }
                    return state.suspensions.last == isSuspended
                }
                if isDone { continuation.resume() }
            }
        }
    }

    private func note(suspended: Bool) {
        state.withLock { state in
            state.suspensions.append(suspended)
            defer { state.observer = nil }
            return state.observer
        }?.resume()
    }

    private func hand<Value>(after change: (inout State) -> Value) -> Value {
        let (value, waiter, batch) = state.withLock { state -> (Value, CheckedContinuation<IncomingBatch?, Never>?, IncomingBatch?) in
            let value = change(&state)
            guard let waiter = state.waiter, !state.waiting.isEmpty || state.isClosed else { return (value, nil, nil) }
            state.waiter = nil
            return (value, waiter, state.waiting.isEmpty ? nil : state.waiting.removeFirst())
        }
        waiter?.resume(returning: batch)
        return value
    }
}
