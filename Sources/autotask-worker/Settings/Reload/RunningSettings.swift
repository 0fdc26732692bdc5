import Contract
import Engine
import Logging
import Synchronization
import Telemetry

/// The settings of a running worker, which follow its settings file on request: all changes of the file, or none.
final class RunningSettings: Sendable {
    /// The outcome of the last reload. The start counts as one.
    struct LastReload: Sendable {
        var isSuccessful = true
        /// When the settings in force were read.
        var succeededAt: Timestamp
    }

    private struct State {
        var settings: Configuration
        var lastReload: LastReload
    }

    /// The settings file; `nil` if the worker has none.
    let file: String?
    private let state: Mutex<State>

    init(_ settings: Configuration, file: String?, at now: Timestamp) {
        self.file = file
        state = Mutex(State(settings: settings, lastReload: LastReload(succeededAt: now)))
    }

    var current: Configuration { state.withLock { $0.settings } }

    var lastReload: LastReload { state.withLock { $0.lastReload } }

    /// Reads the file, and checks every setting, also those that need a restart.
    ///
    /// - Parameters:
    ///   - now: when the settings are read.
    ///   - adopt: puts the settings in force. It is called only if all are right and one has changed.
    ///   - log: gets a line for each change or mistake.
    /// - Returns: the changes; `nil` if there is no file, or if a setting is wrong: then nothing has changed.
    func reload(at now: Timestamp, log: Logger, adopt: (Configuration, EngineSettings) -> Void) async -> SettingsReload? {
        guard let file else {
            log.notice("There are no settings to reload: the worker runs without a settings file (--config)")
            return nil
        }
        do throws(SettingsMistakes) {
            let running = current
            let reload = SettingsReload(from: running, to: try await running.read(again: file))
            if !reload.taken.isEmpty { adopt(reload.settings, try reload.settings.checkedEngine) }
            state.withLock { $0 = State(settings: reload.settings, lastReload: LastReload(succeededAt: now)) }
            RunningSettings.report(reload, log)
            return reload
        } catch {
            state.withLock { $0.lastReload.isSuccessful = false }
            for mistake in error.mistakes {
                log.error("The settings were not reloaded; those in force stay", metadata: .keys([.error: "\(mistake.line)"]))
            }
            return nil
        }
    }

    private static func report(_ reload: SettingsReload, _ log: Logger) {
        for change in reload.taken { log.notice("A setting has changed", metadata: change.metadata) }
        for change in reload.left { log.warning("A changed setting takes effect after a restart", metadata: change.metadata) }
        log.notice("The settings were reloaded", metadata: .keys([.count: "\(reload.taken.count)"]))
    }
}

extension SettingsReload.Change {
    /// Secrets are masked.
    fileprivate var metadata: Logger.Metadata {
        .keys([.setting: "\(setting.name)", .old: "\(old.shown ?? "unset")", .new: "\(new.shown ?? "unset")"])
    }
}

/// The mistakes of settings that were read again.
struct SettingsMistakes: Error {
    let mistakes: [Failure]
}

extension Configuration {
    /// The same settings with the present content of the settings file.
    ///
    /// - Throws: ``SettingsMistakes`` if the file cannot be read, or a name or a value in it is wrong.
    func read(again file: String) async throws(SettingsMistakes) -> Configuration {
        let fixed = entries.filter { $0.origin == .commandLine || $0.origin == .environment }
        let values = Dictionary(uniqueKeysWithValues: fixed.map { ($0.setting.name, $0.text ?? "") })
        let ofFile: Configuration
        do { ofFile = try await Configuration(values, file: file, environment: [:]) } catch {
            throw SettingsMistakes(mistakes: [error as? Failure ?? Failure(.usage, "The settings file \(file) cannot be read: \(error)")])
        }
        let origins = Dictionary(uniqueKeysWithValues: fixed.map { ($0.setting.name, $0) })
        let read = Configuration(
            entries: ofFile.entries.map { origins[$0.setting.name] ?? $0 },
            mistyped: ofFile.mistyped,
            environment: environment
        )
        // The others were right when the worker started.
        let mistakes = read.mistyped.map(\.failure) + read.entries.filter { $0.origin == .file }.compactMap { $0.setting.mistake($0) }
        guard mistakes.isEmpty else { throw SettingsMistakes(mistakes: mistakes) }
        return read
    }

    fileprivate var checkedEngine: EngineSettings {
        get throws(SettingsMistakes) { do { return try engine } catch { throw SettingsMistakes(mistakes: [error]) } }
    }
}
