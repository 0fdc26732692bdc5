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

            Exit codes: 0 nothing fails, though something may be worth a look; 1 something fails.

            Example: autotask-worker doctor --json
            """
    )

    @Flag(help: "Compare all of the store with itself, for as long as it takes. Without it, what takes longer than 10 s is left out.")
    var thorough = false
    @Flag(help: "Print JSON: a health check response (draft-inadarei-api-health-check-06).") var json = false
    @OptionGroup(title: "Settings") var settings: SettingsOptions

    func run() async throws {
        let report = await Doctor(settings: try await Settings(settings), isThorough: thorough).report()
        if json {
            Terminal.line(report.json)
        } else {
            HealthListing(report: report).print()
        }
        if report.status == .fail { throw ExitCode(Failure.Status.no.rawValue) }
    }
}
