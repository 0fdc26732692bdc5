import Contract
import Synchronization

@testable import Engine

/// A clock that moves when a test says so; whoever sleeps is woken then.
///
/// A clock that more than one task sleeps by needs an executor to watch. Otherwise it goes on while some of them are at work: during one renewal
/// of a lease it steps on by what others wait for, and the lease is over before it is renewed.
final class SteppedClock: EngineClock {
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = [:]
        /// A test that waits for somebody to sleep.
        var watcher: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    /// What sleeps by this clock runs on it.
    private let executor: WatchedExecutor?

    init(_ now: Timestamp, watching executor: WatchedExecutor? = nil) {
        state = Mutex(State(now: now))
        self.executor = executor
    }

    var now: Timestamp { state.withLock { $0.now } }

    /// Moves on, and wakes those whose moment has come.
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

    /// Returns once all that can be done at this moment is done, as far as this clock has somebody to watch.
    func untilIdle() async { await executor?.untilIdle() }

    /// Waits until somebody sleeps and nobody has anything else to do, moves on to the first moment that somebody waits for, and returns once
    /// what is due by then is done.
    func advanceToNextSleeper() async {
        while true {
            await untilSomebodySleeps()
            await untilIdle()
            // Unless whoever slept was woken by something else.
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
