import Contract
import Synchronization

@testable import Engine

/// A clock that moves when a test says so; whoever sleeps is woken then.
final class SteppedClock: EngineClock {
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = [:]
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

    func sleep(until moment: Timestamp) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if moment <= state.now || Task.isCancelled { return true }
                    state.sleepers[id] = (moment, continuation)
                    return false
                }
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
