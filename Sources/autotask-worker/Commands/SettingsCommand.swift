import ArgumentParser

/// `help settings`: the list of all settings, which the help of other commands leaves out.
///
/// ArgumentParser's own `help` describes a command, so the list is the help of this one. The list of commands does not show it.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Lists all settings. Each is an option of every command.",
        usage: "autotask-worker COMMAND --OPTION VALUE",
        discussion: """
            A setting comes from the command line, else from the environment, else from the file of --config, else from its default. The option \
            --amqp-url is the variable AMQP_URL, and in the file {"amqp": {"url": "…"}}.

            'autotask-worker run --print-config' shows each setting in force with its origin.

            Example: autotask-worker help settings
            """,
        shouldDisplay: false
    )

    @OptionGroup(title: "Settings") var file: SettingsFile
    @OptionGroup(title: "Settings") var settings: SettingOptions

    func run() throws { throw CleanExit.helpRequest(self) }
}
