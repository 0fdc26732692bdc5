import Dispatch
import Synchronization

/// Runs the tasks of an engine in parallel, and knows when all of them are idle: each waits for a moment, or for its test.
final class WatchedExecutor: TaskExecutor {
    private struct State {
        /// Pieces of tasks that run or are ready, and calls that a task waits for.
        var busy = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "engine", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        begin()
        queue.async { [self] in
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            end()
        }
    }

    /// Waits for work outside of the tasks.
    func during<Value, Failure>(_ call: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        begin()
        // The task is running again by then.
        defer { end() }
        return try await call()
    }

    /// Returns once no work is left.
    func untilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.busy > 0 { state.watchers.append(continuation) }
                return state.busy == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    private func begin() { state.withLock { $0.busy += 1 } }

    private func end() {
        let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.busy -= 1
            guard state.busy == 0 else { return [] }
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }
}
