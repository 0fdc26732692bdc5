import ArgumentParser
import Contract
import HTTP
import Operations

/// `health`: whether the worker on this machine lives or is ready, for container engines and scripts without an HTTP client.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Asks the worker on this machine whether it is ready, or alive.",
        discussion: """
            Asks the worker at OPERATIONS_LISTEN for /readyz, or with --live for /livez. It prints what fails or warns, and nothing else.

            Exit codes: 0 yes, 1 no, 69 no worker answers.

            Example: autotask-worker health --live
            """
    )

    @Flag(help: "Ask whether the worker's loops go on: if not, restart it.") var live = false
    @Flag(help: "Ask whether the worker can work (the default).") var ready = false
    @Flag(help: "Print the worker's report as JSON.") var json = false
    @OptionGroup var settings: SettingsOptions

    func validate() throws {
        guard !live || !ready else { throw ValidationError("Choose one of --live and --ready.") }
    }

    func run() async throws {
        let settings = try await Configuration(self.settings)
        guard let address = try settings.operationsListen, address.port != 0 else {
            throw Failure(
                .usage,
                "OPERATIONS_LISTEN names no port, so no worker can be asked.",
                hint: "Give worker and command the same OPERATIONS_LISTEN, such as 127.0.0.1:8080."
            )
        }
        let probe = OperationsProbe(address: address)
        let response: HTTPResponse
        do { response = try await probe.report(live ? "livez" : "readyz") } catch {
            throw Failure(
                .unavailable,
                "No worker answers at \(probe.endpoint).",
                hint: "Start one: autotask-worker run. If one runs, check its OPERATIONS_LISTEN."
            )
        }
        guard let report = try? JSON(parsing: response.body), let parts = report["checks"]?.object,
            response.status == 200 || response.status == 503
        else {
            throw Failure(
                .unavailable,
                "The server at \(probe.endpoint) is not a worker.",
                hint: "Give OPERATIONS_LISTEN an address that no other program uses."
            )
        }
        if json {
            Terminal.line(report)
        } else {
            for part in parts.members {
                for check in part.value.array ?? [] where check["status"] != "pass" {
                    Terminal.line("\(part.name): \(check["output"]?.string ?? "fails")")
                }
            }
        }
        if response.status != 200 { throw ExitCode(Failure.Status.no.rawValue) }
    }
}
