import AMQP
import ArgumentParser
import Contract

/// `topology …`: the exchanges, queues and bindings of portals, workers and monitors.
struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Declares or checks exchanges, queues and bindings.",
        discussion: "Example: AMQP_URL=amqp://operator:…@broker/ autotask-worker topology apply",
        subcommands: [Apply.self, Check.self]
    )

    struct Apply: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Declares what is missing. Correct exchanges, queues and bindings stay unchanged.",
            discussion:
                "The broker user must be allowed to configure.\n\nExample: autotask-worker topology apply --amqp-url amqp://operator:…@broker/"
        )
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let broker = Broker(settings: settings)
            let configuration = try broker.configuration(name: "autotask-worker topology")
            do { try await broker.topology.apply(to: configuration) } catch {
                switch error.code {
                case .preconditionFailed:
                    throw Failure(
                        .no,
                        "An exchange or a queue has another type or other arguments. It was left unchanged, with all its messages: \(error.message)",
                        hint: "RabbitMQ cannot change those. \(TopologyReport.stepsToReplace)"
                    )
                case .notPermitted:
                    throw Failure(.no, error.message, hint: "Apply as a broker user who may configure, such as operator.")
                default: throw Failure(.unavailable, error.message, hint: error.advice(about: "AMQP_URL"))
                }
            }
            return Outcome(["applied": true], "The topology is applied.")
        }
    }

    struct Check: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists what is missing or different.",
            discussion:
                "AMQP_URL shows what exists; types, arguments and bindings are compared through MANAGEMENT_URL.\n\nExample: autotask-worker topology check --json"
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> TopologyReport {
            let broker = Broker(settings: settings)
            let api = try settings.managementURL.map { try ManagementAPI(url: $0) }
            // Also with a management API: its answers do not prove that AMQP_URL works.
            var report = try await broker.topologyReport()
            if let api {
                let virtualHost = try broker.configuration(name: "autotask-worker topology").virtualHost
                let whole = try await api.report(on: broker.topology, virtualHost: virtualHost)
                // MANAGEMENT_URL may lead to another broker.
                let others = report.findings.filter { !whole.findings.contains($0) }
                report = whole
                report.findings += others
            }
            return report
        }
    }
}

extension TopologyReport: CommandOutput {
    var lines: [String] { [description] + notes.map { "Note: \($0)." } + unseen.map { "Not seen: \($0)." } }

    var json: JSON {
        let findings = findings.map { finding in
            JSON.members(["kind": finding.kind.rawValue, "entity": finding.entity, "detail": finding.detail])
        }
        return .members(["good": isGood, "findings": findings, "notes": notes, "unseen": unseen])
    }

    var failure: (any Error)? { isGood ? nil : ExitCode.no }
}
