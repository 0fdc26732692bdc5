import Contract
import Synchronization

@testable import Engine

/// A clock that a test moves, which wakes due sleepers.
///
/// A clock that more than one task sleeps by needs an executor to watch. Otherwise it advances while some of them are at work: during one
/// lease renewal it would advance by the waits of others, and the lease would end before it is renewed.
final class SteppedClock: EngineClock {
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = [:]
        /// A test that waits for a sleeper.
        var watcher: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    /// The executor of the tasks that sleep by this clock.
    private let executor: WatchedExecutor?

    init(_ now: Timestamp, watching executor: WatchedExecutor? = nil) {
        state = Mutex(State(now: now))
        self.executor = executor
    }

    var now: Timestamp { state.withLock { $0.now } }

    /// Advances, and wakes the sleepers that are due.
    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    func untilSomebodySleeps() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.sleepers.isEmpty { state.watcher = continuation }
                return !state.sleepers.isEmpty
            }
            if isReady { continuation.resume() }
        }
    }

    /// Returns once all work possible at this moment is done, as far as this clock has an executor to watch.
    func untilIdle() async { await executor?.untilIdle() }

    /// Waits until a task sleeps and all others are idle, advances to the first moment that a task waits for, and returns once
    /// the work due by then is done.
    func advanceToNextSleeper() async {
        while true {
            await untilSomebodySleeps()
            await untilIdle()
            // Unless something else woke the sleeper.
            guard let moment = state.withLock({ $0.sleepers.values.map(\.until).min() }) else { continue }
            advance(by: moment - now)
            return await untilIdle()
        }
    }

    func sleep(until moment: Timestamp) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isOver, watcher) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                    if moment <= state.now || Task.isCancelled { return (true, nil) }
                    state.sleepers[id] = (moment, continuation)
                    defer { state.watcher = nil }
                    return (false, state.watcher)
                }
                watcher?.resume()
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                defer { state.sleepers[id] = nil }
                return state.sleepers[id]?.continuation
            }?.resume()
        }
    }
}
