import ArgumentParser
import Contract

/// `config …`: the settings in force.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks and shows the settings.",
        discussion: "Example: autotask-worker config check --config /etc/autotask-worker/settings.json",
        subcommands: [Check.self, Show.self]
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
}
