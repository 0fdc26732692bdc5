import ArgumentParser
import Contract
import Glibc
import Store

/// The command line.
struct AutotaskWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autotask-worker",
        abstract: "Connects tenants of Workplace Manager to Autotask, and syncs their services.",
        discussion: """
            Takes jobs from RabbitMQ (\(JobKind.allCases.map(\.rawValue).joined(separator: ", "))), calls each tenant's own Autotask, and \
            publishes the results as events.

            Exit codes: 0 done, 1 negative result, 2 wrong usage, 69 something that it needs is not available, 70 a defect of the program.

            Settings: autotask-worker help settings

            Example: autotask-worker keys generate && autotask-worker topology apply && autotask-worker run
            """,
        version: Version().lines.joined(separator: "\n"),
        subcommands: [
            RunCommand.self, TopologyCommand.self, JobCommand.self, EventsCommand.self, TenantCommand.self, SyncCommand.self,
            FailuresCommand.self, WaitingCommand.self, PauseCommand.self, StoreCommand.self, DeadLettersCommand.self,
            OperationCommand.self, AuditCommand.self, KeysCommand.self,
            DoctorCommand.self,
            HealthCommand.self, ConfigCommand.self, SettingsCommand.self,
        ]
    )
}

/// The program's entry point. ArgumentParser's own would use other exit codes.
@main
enum Program {
    static func main() async {
        Launch.begin()
        let arguments = Launch.current.arguments
        do {
            if let form = Version.requested(arguments) {
                try form.check(Version.self)
                return try form.show(Version())
            }
            var command = try await AutotaskWorker.asyncParseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Terminal.endIfLost()
        } catch let failure as Failure {
            Terminal.complain(failure.description)
            exit(failure.status.rawValue)
        } catch let error as StoreError where error.code != .unexpected {
            Terminal.complain(error.message)
            exit(Failure.Status.unavailable.rawValue)
        } catch {
            let code = AutotaskWorker.exitCode(for: error)
            let message = AutotaskWorker.fullMessage(for: error)
            if code == .success {
                // Help, the version, or a completion.
                Terminal.text(message)
                exit(0)
            }
            Terminal.endIfLost()
            if let exitCode = error as? ExitCode { exit(exitCode.rawValue) }
            Terminal.complain(MistypedWord(arguments, among: .ofProgram)?.added(to: message) ?? message)
            exit(code == .validationFailure ? Failure.Status.usage.rawValue : Failure.Status.defect.rawValue)
        }
    }
}
