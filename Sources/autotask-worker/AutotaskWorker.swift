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
            publishes what happened.

            Exit codes: 0 done, 1 the answer is no, 2 usage, 69 something it needs is not there, 70 a defect of its own.

            Example: autotask-worker keys generate && autotask-worker topology apply && autotask-worker run
            """,
        version: "0.1.0",
        subcommands: [
            RunCommand.self, TopologyCommand.self, JobCommand.self, EventsCommand.self, TenantCommand.self, SyncCommand.self,
            StoreCommand.self, DeadLettersCommand.self, AuditCommand.self, KeysCommand.self, DoctorCommand.self,
        ]
    )
}

/// The program's entry: ArgumentParser's own would end with exit codes that mean something else.
@main
enum Program {
    static func main() async {
        let arguments = Launch.current.arguments
        do {
            var command = try AutotaskWorker.parseAsRoot(arguments)
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
                // Help, or the version.
                Terminal.text(message)
                exit(0)
            }
            Terminal.endIfLost()
            if let exitCode = error as? ExitCode { exit(exitCode.rawValue) }
            Terminal.complain(message)
            exit(code == .validationFailure ? Failure.Status.usage.rawValue : Failure.Status.defect.rawValue)
        }
    }
}
