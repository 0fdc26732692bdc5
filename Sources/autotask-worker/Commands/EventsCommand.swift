import ArgumentParser
import Contract

/// `events`: follows the results exchange as a monitor would.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows events as they arrive.",
        discussion: "As JSON, each event is a line.\n\nExample: autotask-worker events --tenant msp-4711 --replay"
    )

    @Option(help: ArgumentHelp("Only events of this tenant.", valueName: "id"), completion: OfferedNames.tenants)
    var tenant: String?
    @Flag(help: "Begin with the events that the journal still holds (7 days).") var replay = false
    @Option(help: ArgumentHelp("End after this many events.", valueName: "count")) var count: Int?
    @OptionGroup var form: FormatOptions
    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        try form.check(EventText.self)
        let settings = try await Configuration(settings)
        var shown = 0
        try await PortalConnection(settings).forEachEvent(routingKey: tenant.map { "*.*.\($0)" } ?? "#", replay: replay) { event in
            // The journal holds the events of all tenants.
            if let tenant, event["subject"]?.string != tenant { return true }
            Terminal.show(EventText(event: event), as: form.format)
            shown += 1
            return count.map { shown < $0 } ?? true
        }
    }
}
