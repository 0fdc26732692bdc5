import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Erases expired data whenever ``due`` signals it. This may take long, because the store does it in steps between other work.
struct RetentionService: Service {
    let store: any RetainedData
    let engine: EngineContext
    /// Signalled by the worker's lease, which reads the clock anyway.
    let due: WakeSignal

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
            do { try await store.prune(at: engine.now, keeping: engine.settings.retention) } catch {
                engine.log.error("Expired data cannot be erased", metadata: .keys([.error: "\(error)"]))
            }
        }
    }
}
