import ArgumentParser
import Contract
import Operations

/// `doctor`: checks everything that the worker needs, and the state that it left.
struct DoctorCommand: WatchedCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks everything that the worker needs and the state that it left, and advises what to do.",
        discussion: """
            Checks the settings, the key ring, the store, the broker, the connection to Autotask, and the worker's own readiness report
            (OPERATIONS_LISTEN). Run it as the worker's user, with the worker's settings, whether workers run or not. It changes nothing.

            With --tenant it asks a running worker instead, as a portal would (PORTAL_AMQP_URL), to test that tenant's connection to Autotask
            step by step: connection, name resolution, TLS, zone, credentials, what the API user may do, whether it sees costs, quota, clock.

            As JSON it prints a health check response (draft-inadarei-api-health-check-06), or with --tenant the worker's event.

            Exit codes: 0 no check fails, though some may warn; 1 a check fails.

            Example: autotask-worker doctor --tenant msp-4711
            """
    )

    @Flag(help: "Check the whole store, for a day at most. Without it, checks of the store that take longer than 10 s are left out.")
    var thorough = false
    @Option(
        help: ArgumentHelp("Test this tenant's connection to Autotask through a running worker.", valueName: "id"),
        completion: OfferedNames.tenants
    )
    var tenant: String?
    @Option(help: ArgumentHelp("With --tenant: workplace or fileProtection.", valueName: "name"), completion: OfferedNames.products)
    var product: String?
    @Option(help: ArgumentHelp("With --tenant: how long to wait for the worker.", valueName: "seconds")) var timeout: Int = 60
    @OptionGroup var watch: WatchOptions
    @OptionGroup var progress: ProgressOptions
    @OptionGroup var form: FormatOptions
    @OptionGroup var settings: SettingsOptions

    func validate() throws {
        guard tenant != nil || product == nil else { throw ValidationError("--product needs --tenant.") }
        guard tenant == nil || !thorough else { throw ValidationError("--thorough and --tenant cannot be combined.") }
        guard tenant == nil || watch.watch == nil else { throw ValidationError("--watch and --tenant cannot be combined.") }
        guard timeout > 0 else { throw ValidationError("--timeout is a positive number of seconds.") }
    }

    func run() async throws {
        try form.check(HealthReport.self)
        let repetition = try watch.repetition(as: form.format)
        let settings = try await Configuration(self.settings)
        let doctor = Doctor(settings: settings, isThorough: thorough)
        if let repetition { return try await repetition.run { await doctor.report { _, _ in }.printed(as: .text) } }
        if let tenant { return try await examine(try TenantID(argument: tenant), settings) }
        let progress = progress.progress("topics")
        let report = await doctor.report { progress.update($0, of: $1) }
        progress.clear()
        try form.show(report)
    }

    private func examine(_ tenant: TenantID, _ settings: Configuration) async throws {
        let diagnosis = TenantDiagnosis(
            tenant: tenant,
            product: try product.map { try Product(argument: $0) },
            patience: .seconds(timeout)
        )
        guard let event = try await diagnosis.event(from: PortalConnection(settings)) else {
            return try form.show(HealthReport([diagnosis.silence]))
        }
        try form.show(EventText(event: event))
    }
}
