import Contract
import Synchronization

@testable import Engine

/// A clock that moves when a test says so; whoever sleeps is woken then.
final class SteppedClock: EngineClock {
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = [:]
        /// A test that waits for somebody to sleep.
        var watcher: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ now: Timestamp) { state = Mutex(State(now: now)) }

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

    /// Waits until somebody sleeps, and moves on to the first moment that somebody waits for.
    func advanceToNextSleeper() async {
        while true {
            await untilSomebodySleeps()
            // Unless whoever slept was woken by something else.
            if let moment = state.withLock({ $0.sleepers.values.map(\.until).min() }) { return advance(by: moment - now) }
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
