import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Erases what has been kept long enough, whenever ``due`` says so. It has all the time that it needs: the store takes its steps between other
/// work.
struct RetentionService: Service {
    let store: any Store
    let retention: Retention
    let clock: any EngineClock
    /// Woken by the worker's lease, which looks at the clock anyway.
    let due: WakeSignal
    let log: Logger

    func run() async throws {
        await withTaskGroup { group in
            group.addTask { await work() }
            group.addTask { await ShutdownSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func work() async {
        while await due.wait(), !Task.isCancelled {
            do { try await store.prune(at: clock.now, keeping: retention) } catch {
                log.error("What was kept long enough cannot be erased", metadata: .keys([.error: "\(error)"]))
            }
        }
    }
}
