import Synchronization

/// Runs Swift's tasks one piece at a time, on the calling thread, in an order that a seed decides.
///
/// Every task of a simulation belongs to a ``SimulatedProcess``, which is its executor. Ready pieces of all processes wait
/// here, and the seed picks one. Nothing else of the program runs meanwhile, so that a run is the same every time.
final class SeededScheduler: Sendable {
    private struct State {
        var random: SeededRandom
        var ready: [Ready] = []
        var steps = 0
    }

    private enum Ready {
        case job(UnownedJob, SimulatedProcess)
        /// A task that only lets others run first.
        case waiter(UnsafeContinuation<Void, Never>)

        var isRunnable: Bool {
            switch self {
            case .job(_, let process): !process.isFrozen
            case .waiter: true
            }
        }
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: SeededRandom(seed: seed))) }

    /// Draws from the run's random generator.
    func draw<Value>(_ body: (inout SeededRandom) -> Value) -> Value { state.withLock { body(&$0.random) } }

    /// How many pieces of tasks have run.
    var steps: Int { state.withLock { $0.steps } }

    fileprivate func enqueue(_ job: UnownedJob, of process: SimulatedProcess) { state.withLock { $0.ready.append(.job(job, process)) } }

    /// Lets other tasks run first, or not, as the seed decides. `Task.yield()` would not do: it goes through Swift's own threads.
    func pause() async {
        await unsafe withUnsafeContinuation { continuation in
            state.withLock { unsafe $0.ready.append(.waiter(continuation)) }
        }
    }

    /// Runs one piece of a task that is ready.
    ///
    /// - Returns: whether there was one.
    func step() -> Bool {
        let next = state.withLock { state -> Ready? in
            let runnable = state.ready.count { $0.isRunnable }
            guard runnable > 0 else { return nil }
            var turn = Int.random(in: 0..<runnable, using: &state.random)
            state.steps += 1
            if runnable == state.ready.count { return state.ready.remove(at: turn) }
            let index = state.ready.firstIndex { ready in
                guard ready.isRunnable else { return false }
                turn -= 1
                return turn < 0
            }
            return index.map { state.ready.remove(at: $0) }
        }
        switch next {
        case nil: return false
        case .job(let job, let process): unsafe job.runSynchronously(on: process.asUnownedTaskExecutor())
        case .waiter(let continuation): unsafe continuation.resume()
        }
        return true
    }
}

/// A process that can be stopped at any point where it waits: a worker, the portal, the network.
final class SimulatedProcess: TaskExecutor {
    private struct State {
        var isFrozen = false
        var isDead = false
        var tasks: [Task<Void, Never>] = []
    }

    let name: String
    let scheduler: SeededScheduler
    private let state = Mutex(State())

    init(_ name: String, on scheduler: SeededScheduler) {
        self.name = name
        self.scheduler = scheduler
    }

    func enqueue(_ job: consuming ExecutorJob) { scheduler.enqueue(UnownedJob(job), of: self) }

    func run(_ body: @escaping @Sendable () async -> Void) {
        let task = Task(executorPreference: self) { await body() }
        state.withLock { $0.tasks.append(task) }
    }

    /// Whether it is stopped, as after SIGSTOP: ready pieces wait.
    var isFrozen: Bool { state.withLock { $0.isFrozen } }

    /// Whether it was killed. Its remaining memory can have no effect any more.
    var isDead: Bool { state.withLock { $0.isDead } }

    func freeze() { state.withLock { $0.isFrozen = true } }

    func thaw() { state.withLock { $0.isFrozen = false } }

    /// Kills it, wherever it is.
    func kill() {
        state.withLock { state in
            state.isDead = true
            state.isFrozen = true
        }
    }

    /// Lets the remains of a killed process end, so that its memory is freed: every port now fails for it.
    func bury() {
        let tasks = state.withLock { state in
            state.isFrozen = false
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }
}
