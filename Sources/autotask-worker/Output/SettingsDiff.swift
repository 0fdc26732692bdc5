import ArgumentParser
import Contract

/// What a reload would change in the running workers of a store.
struct SettingsDiff: CommandOutput {
    /// One running worker.
    struct Worker {
        let process: Int
        /// The settings file that was compared.
        let file: String
        /// Secrets are masked: a change of a secret alone is no difference here.
        let reload: SettingsReload
    }

    let workers: [Worker]

    var json: JSON { .members(["same": isSame, "workers": documents]) }

    var documents: [JSON] {
        workers.map { worker in
            let changes = worker.reload.changes.map { change in
                JSON.members([
                    "name": change.setting.name, "running": change.old.shown, "file": change.new.shown,
                    "takesEffect": change.setting.isReloadable ? "reload" : "restart",
                ])
            }
            return .members(["process": worker.process, "file": worker.file, "changes": changes])
        }
    }

    var lines: [String] {
        workers.flatMap { worker in
            let changes = worker.reload.changes
            guard !changes.isEmpty else {
                return ["The worker with the process id \(worker.process) runs with the settings of \(worker.file)."]
            }
            return [Terminal.styled("The worker with the process id \(worker.process), and \(worker.file)", .bold)]
                + changes.map { change in
                    let effect = change.setting.isReloadable ? "after a reload" : "after a restart"
                    return "  \(change.setting.name.padded(28))\(change.old.shown ?? "–") → \(change.new.shown ?? "–")  "
                        + Terminal.styled("(\(effect))", .dim)
                }
        }
    }

    var failure: (any Error)? { isSame ? nil : ExitCode.no }

    private var isSame: Bool { workers.allSatisfy(\.reload.changes.isEmpty) }
}
