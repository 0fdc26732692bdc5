import Synchronization

/// Lets a test keep calls to Autotask without an answer.
final class HeldCalls: Sendable {
    private struct State {
        var isHolding = false
        var held: [CheckedContinuation<Void, Never>] = []
        var watcher: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// From now on, calls wait.
    func hold() { state.withLock { $0.isHolding = true } }

    /// Answers the calls that wait, and those that follow.
    func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for call in held { call.resume() }
    }

    /// Returns once a call waits.
    func untilHeld() async {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.held.isEmpty { state.watcher = continuation }
                return !state.held.isEmpty
            }
            if isHeld { continuation.resume() }
        }
    }

    /// Called by each call before its answer.
    func pass() async {
        await Task.yield()
        await withCheckedContinuation { continuation in
            let (isFree, watcher) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                guard state.isHolding else { return (true, nil) }
                state.held.append(continuation)
                defer { state.watcher = nil }
                return (false, state.watcher)
            }
            watcher?.resume()
            if isFree { continuation.resume() }
        }
    }
}
