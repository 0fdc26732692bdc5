import ArgumentParser
import Contract

/// `config …`: the settings in force.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks and shows the settings.",
        discussion: "Example: autotask-worker config check --config /etc/autotask-worker/settings.json",
        subcommands: [Check.self, Show.self, Diff.self]
    )

    struct Check: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks the name and the value of every setting. Contacts nothing.",
            discussion: """
                Names each setting that is wrong, with its origin and the right form. It opens neither store nor key ring, and connects to nothing: \
                'doctor' does.

                Exit codes: 0 all settings are right, 2 one is wrong.

                Example: autotask-worker config check --config /etc/autotask-worker/settings.json
                """
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) -> SettingsCheck { SettingsCheck(settings: settings) }
    }

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows every setting with its origin, secrets masked.",
            discussion: "Example: autotask-worker config show --output csv"
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) -> ConfigurationListing { ConfigurationListing(settings: settings) }
    }

    struct Diff: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what a reload of the settings file would change in running workers.",
            discussion: """
                Compares the settings of each worker that runs on the store with its settings file, or with the file of --config. A setting that the \
                worker has from its command line or its environment stays as it is. Secrets are masked, so a change of a password alone is not shown.

                Exit codes: 0 nothing would change, 1 something would, 2 the file is wrong, 69 no worker runs on the store.

                Example: autotask-worker config diff && systemctl reload autotask-worker
                """
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> SettingsDiff {
            let store = try settings.storePath
            let running = SettingsRecord.all(at: store)
            guard !running.isEmpty else {
                throw Failure(
                    .unavailable,
                    "No worker runs on the store \(store).",
                    hint: "Check STORE_URL, or start a worker: autotask-worker run"
                )
            }
            var workers: [SettingsDiff.Worker] = []
            for worker in running {
                guard let file = output.file.config ?? worker.file else {
                    throw Failure(
                        .unavailable,
                        "The worker with the process id \(worker.process) has no settings file to reload.",
                        hint: "Start it with --config PATH, or name a file to compare with: autotask-worker config diff --config PATH"
                    )
                }
                do throws(SettingsMistakes) {
                    let reload = SettingsReload(from: worker.settings, to: try await worker.settings.read(again: file).masked)
                    workers.append(SettingsDiff.Worker(process: worker.process, file: file, reload: reload))
                } catch { throw error.mistakes[0] }
            }
            return SettingsDiff(workers: workers)
        }
    }
}
