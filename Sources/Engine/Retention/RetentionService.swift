import Contract
import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Erases once an hour what has been kept long enough. It has all the time that it needs: the store takes its steps between other work.
struct RetentionService: Service {
    private static let interval: Duration = .seconds(3600)

    let store: any Store
    let retention: Retention
    let clock: any EngineClock
    let log: Logger

    func run() async throws {
        await withTaskGroup { group in
            group.addTask { await repeatedly() }
            group.addTask { await ShutdownSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func repeatedly() async {
        while !Task.isCancelled {
            let next = clock.now + RetentionService.interval
            do { try await store.prune(at: clock.now, keeping: retention) } catch {
                log.error("What was kept long enough cannot be erased", metadata: .keys([.error: "\(error)"]))
            }
            await clock.sleep(until: next)
        }
    }
}
