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
        if printConfig { return try await show(Configuration(settings, file)) }
        var format = LogFormat.text
        do {
            let settings = try await Configuration(settings, file)
            if let chosen = try? settings.logFormat { format = chosen }
            // A setting that is silently ignored is worse than a worker that does not start.
            if let mistyped = settings.mistyped.first { throw mistyped.failure }
            try await Worker(settings, file: file.config).run()
        } catch {
            throw FatalLine.write(error, as: format)
        }
    }

    private func show(_ settings: Configuration) throws {
        Terminal.show(ConfigurationListing(settings: settings), as: form.format)
        if let mistake = settings.mistakes.first { throw mistake }
    }
}
