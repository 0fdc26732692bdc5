import Dispatch
import Synchronization

/// Opens once, and releases all tasks and threads that wait for it.
final class Latch: Sendable {
    private struct State {
        var missing: Int
        var waiters: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>

    /// - Parameter count: how many calls of ``arrive()`` open it.
    init(count: Int = 1) {
        state = Mutex(State(missing: count))
    }

    func arrive() {
        let waiters = state.withLock { state in
            state.missing -= 1
            guard state.missing <= 0 else { return [@Sendable () -> Void]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter() }
    }

    /// Waits without blocking a thread.
    func wait() async {
        await withCheckedContinuation { continuation in whenOpen { continuation.resume() } }
    }

    /// Blocks the calling thread, in a server's script.
    func block() {
        let semaphore = DispatchSemaphore(value: 0)
        whenOpen { semaphore.signal() }
        semaphore.wait()
    }

    private func whenOpen(_ waiter: @escaping @Sendable () -> Void) {
        let isOpen = state.withLock { state in
            if state.missing > 0 { state.waiters.append(waiter) }
            return state.missing <= 0
        }
        if isOpen { waiter() }
    }
}
