import Contract
import Engine
import Synchronization

/// The time of a whole simulation. It stands still while anything can run, and then moves to the next moment that a task waits for.
final class SimulatedTime: Sendable {
    private struct Sleeper {
        var moment: Timestamp
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
    }

    private let state: Mutex<State>

    init(_ start: Timestamp) { state = Mutex(State(now: start)) }

    var now: Timestamp { state.withLock { $0.now } }

    /// Moves to the next moment that a task waits for, and wakes the tasks that wait for it.
    ///
    /// - Returns: whether there is such a moment.
    func advance() -> Bool {
        let due = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            guard let next = state.sleepers.values.map(\.moment).min() else { return nil }
            state.now = max(state.now, next)
            let ids = state.sleepers.filter { $0.value.moment <= state.now }.keys.sorted()
            return ids.compactMap { state.sleepers.removeValue(forKey: $0)?.continuation }
        }
        guard let due else { return false }
        for continuation in due { continuation.resume() }
        return true
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
                    state.sleepers[id] = Sleeper(moment: moment, continuation: continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume()
        }
    }
}

/// A process's own clock, which may be wrong by a constant difference.
final class SimulatedClock: EngineClock {
    private let time: SimulatedTime
    private let process: SimulatedProcess
    private let offset: Duration

    init(_ time: SimulatedTime, of process: SimulatedProcess, offset: Duration) {
        self.time = time
        self.process = process
        self.offset = offset
    }

    var now: Timestamp { time.now + offset }

    func sleep(until moment: Timestamp) async {
        if process.isDead { return }
        await time.sleep(until: time.now + max(moment - now, .zero))
    }
}

/// A worker's random generator, which draws from the run's.
struct SimulatedEntropy: Entropy {
    let scheduler: SeededScheduler

    func eventID() -> String {
        let digits = scheduler.draw { (String($0.next(), radix: 16), String($0.next(), radix: 16)) }
        return "\(digits.0)-\(digits.1)"
    }

    func fraction() -> Double { scheduler.draw { Double.random(in: 0..<1, using: &$0) } }
}
