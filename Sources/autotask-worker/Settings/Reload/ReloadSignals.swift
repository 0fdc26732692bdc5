import Engine
import Glibc
import Logging
import SQLiteStore
import ServiceLifecycle
import Store
import Telemetry
import UnixSignals

/// Reloads the settings file on SIGHUP (`systemctl reload`).
struct ReloadSignals: Service {
    let settings: RunningSettings
    let engine: Engine
    let store: SQLiteStore
    let stream: LogStream
    let record: SettingsRecord
    let log: Logger

    /// Ignores the signal until ``run()`` traps it: by default it ends the process.
    static func ignoreUntilTrapped() { signal(SIGHUP, SIG_IGN) }

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { await reload() }
    }

    private func reload() async {
        let now = SystemTime.now
        let reload = await settings.reload(at: now, log: log) { settings, engineSettings in
            // Until the changes are logged, the lower one of both levels counts.
            if let level = try? settings.logLevel { stream.level = min(stream.level, level) }
            engine.adopt(engineSettings)
        }
        guard let reload else { return }
        if let level = try? reload.settings.logLevel { stream.level = level }
        guard !reload.changes.isEmpty else { return }
        record.write(settings, log: log)
        let act = OperatorAct.reloaded(reload.taken.map(\.setting.name), afterRestart: reload.left.map(\.setting.name))
        do { try await store.note(act, by: .worker(engine.workerID), at: now) } catch {
            log.error("The audit log has no row for the reload of the settings", metadata: .keys([.error: "\(error)"]))
        }
    }
}
