import ArgumentParser

/// `run`: the worker.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the worker until SIGTERM or SIGINT.",
        discussion: "Example: AMQP_URL=amqp://worker:…@broker/ autotask-worker run --store-url sqlite:/var/lib/autotask-worker/store.sqlite"
    )

    @Flag(help: "Print every setting with its origin, and do not run.") var printConfig = false
    @OptionGroup(title: "With --print-config") var form: FormatOptions
    @OptionGroup(title: "Settings") var file: SettingsFile
    @OptionGroup(title: "Settings") var settings: SettingOptions

    func run() async throws {
        try form.check(ConfigurationListing.self)
        let settings = try await Configuration(settings, file)
        if printConfig { Terminal.show(ConfigurationListing(settings: settings), as: form.format) }
        // A setting that is silently ignored is worse than a worker that does not start.
        if let mistyped = settings.mistyped.first { throw mistyped.failure }
        if printConfig {
            if let mistake = settings.mistakes.first { throw mistake }
            return
        }
        try await Worker(settings, file: file.config).run()
    }
}
