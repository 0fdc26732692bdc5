import DequeModule
import Metrics
import Synchronization
import Telemetry

/// The spans that wait to be exported. It is bounded: jobs never wait for the collector, and further spans are dropped.
final class SpanQueue: SpanSink {
    private struct State {
        var spans: Deque<SpanRecord> = []
        var isClosed = false
        var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?

        /// The waiter, if there is nothing more to wait for.
        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            guard let waiter, isClosed || spans.count >= waiter.count else { return nil }
            self.waiter = nil
            return waiter.continuation
        }
    }

    private let limit: Int
    private let dropped: Counter
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: the most spans that wait.
    ///   - dropped: counts spans for which there was no place.
    init(limit: Int, dropped: Counter) {
        self.limit = limit
        self.dropped = dropped
    }

    func accept(_ span: SpanRecord) {
        let (isTaken, waiter) = state.withLock { state in
            guard !state.isClosed, state.spans.count < limit else { return (false, nil as CheckedContinuation<Void, Never>?) }
            state.spans.append(span)
            return (true, state.takeWaiter())
        }
        if !isTaken { dropped.increment() }
        waiter?.resume()
    }

    /// Removes spans, the oldest first.
    func take(atMost count: Int) -> [SpanRecord] {
        state.withLock { state in
            let taken = Array(state.spans.prefix(count))
            state.spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Returns once this many spans wait, the queue was closed, or the task was cancelled. One task waits at a time.
    func wait(for count: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if Task.isCancelled || state.isClosed || state.spans.count >= count { return true }
                    state.waiter = (count, continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter?.continuation
            }
            waiter?.resume()
        }
    }

    /// Drops what still waits, and every later span.
    func close() {
        let (rest, waiter) = state.withLock { state in
            state.isClosed = true
            defer { state.spans.removeAll() }
            return (state.spans.count, state.takeWaiter())
        }
        if rest > 0 { dropped.increment(by: rest) }
        waiter?.resume()
    }
}
