import ArgumentParser
import Contract
import Operations

/// `doctor`: everything that the worker needs, and the state that it left.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks everything that the worker needs and the state that it left, and says what to do.",
        discussion: """
            Looks at the settings, the key ring, the store, the broker, the way to Autotask, and the worker's own word on its readiness
            (OPERATIONS_LISTEN). Run it as the user that the worker runs as, with the worker's settings, while workers run or none does: nothing
            is changed anywhere.

            With --tenant it asks a running worker instead, as a portal would (PORTAL_AMQP_URL), to examine that tenant's way to Autotask step
            by step: connection, name resolution, TLS, zone, credentials, what the API user may do, whether it sees costs, quota, clock.

            Exit codes: 0 nothing fails, though something may be worth a look; 1 something fails.

            Example: autotask-worker doctor --tenant msp-4711
            """
    )

    @Flag(help: "Compare all of the store with itself, for as long as it takes. Without it, what takes longer than 10 s is left out.")
    var thorough = false
    @Option(help: ArgumentHelp("Examine this tenant's way to Autotask, through a running worker.", valueName: "id")) var tenant: String?
    @Option(help: ArgumentHelp("With --tenant: workplace or fileProtection.", valueName: "name")) var product: String?
    @Option(help: ArgumentHelp("With --tenant: how long to wait for the worker.", valueName: "seconds")) var timeout: Int = 60
    @Flag(help: "Print JSON: a health check response (draft-inadarei-api-health-check-06), or with --tenant the worker's event.")
    var json = false
    @OptionGroup(title: "Settings") var settings: SettingsOptions

    func validate() throws {
        guard tenant != nil || product == nil else { throw ValidationError("--product needs --tenant.") }
        guard tenant == nil || !thorough else { throw ValidationError("--thorough is about the store, and --tenant about one tenant.") }
        guard timeout > 0 else { throw ValidationError("--timeout is a positive number of seconds.") }
    }

    func run() async throws {
        let settings = try await Configuration(self.settings)
        if let tenant { return try await examine(try TenantID(argument: tenant), settings) }
        try show(await Doctor(settings: settings, isThorough: thorough).report())
    }

    private func examine(_ tenant: TenantID, _ settings: Configuration) async throws {
        let diagnosis = TenantDiagnosis(
            tenant: tenant,
            product: try product.map { try Product(argument: $0) },
            patience: .seconds(timeout)
        )
        guard let event = try await diagnosis.event(from: PortalConnection(settings)) else {
            return try show(HealthReport([diagnosis.silence]))
        }
        try show(EventText(event: event))
    }

    private func show(_ output: some CommandOutput) throws {
        Terminal.show(output, asJSON: json)
        if let failure = output.failure { throw failure }
    }
}
