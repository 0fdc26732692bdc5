import OTLP
import Synchronization

/// A clock that stands until a test advances it.
final class ManualExportClock: ExportClock {
    private struct Sleeper {
        let id: Int
        let end: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var elapsed: Duration = .zero
        var ids = 0
        var cancelled: Set<Int> = []
        var sleepers: [Sleeper] = []
        var waiters: [(length: Duration, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var elapsed: Duration { state.withLock { $0.elapsed } }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.ids += 1
            return state.ids
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isCancelled, waiters) = state.withLock { state in
                    guard state.cancelled.remove(id) == nil else { return (true, [] as [CheckedContinuation<Void, Never>]) }
                    state.sleepers.append(Sleeper(id: id, end: state.elapsed + duration, continuation: continuation))
                    let met = state.waiters.filter { $0.length == duration }
                    state.waiters.removeAll { $0.length == duration }
                    return (false, met.map(\.continuation))
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                for waiter in waiters { waiter.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                guard let place = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil as Sleeper?
                }
                return state.sleepers.remove(at: place)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until somebody sleeps for this long, and lets the time pass.
    func pass(_ length: Duration) async {
        await untilSomebodySleeps(for: length)
        let woken = state.withLock { state in
            state.elapsed += length
            let woken = state.sleepers.filter { $0.end <= state.elapsed }
            state.sleepers.removeAll { $0.end <= state.elapsed }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    func untilSomebodySleeps(for length: Duration) async {
        await withCheckedContinuation { continuation in
            let sleeps = state.withLock { state in
                if state.sleepers.contains(where: { $0.end - state.elapsed == length }) { return true }
                state.waiters.append((length, continuation))
                return false
            }
            if sleeps { continuation.resume() }
        }
    }
}
