/// What a check of the topology found.
package struct TopologyReport: Sendable, CustomStringConvertible {
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package enum Kind: String, Sendable {
            case missing
            case different
        }

        package var kind: Kind
        /// For example `queue autotask.jobs`.
        package var entity: String
        /// What is different, wanted and found.
        package var detail: String?

        package init(_ kind: Kind, _ entity: String, _ detail: String? = nil) {
            self.kind = kind
            self.entity = entity
            self.detail = detail
        }

        package var description: String {
            switch kind {
            case .missing: "\(entity) is missing"
            case .different: "\(entity) is different: \(detail ?? "")"
            }
        }
    }

    package var findings: [Finding] = []
    /// What could not be looked at, in words; empty if everything was seen.
    package var unseen: [String] = []

    /// Whether nothing is wrong as far as could be seen.
    package var isGood: Bool { findings.isEmpty }

    static let unseenWithoutManagement = ["types of exchanges, arguments of queues, and bindings: they take MANAGEMENT_URL"]

    /// What to do about the findings.
    package var remedy: String {
        findings.contains { $0.kind == .different }
            ? "RabbitMQ cannot change what is different: drain it, delete it, then run `autotask-worker topology apply`."
            : "Run `autotask-worker topology apply` as a user who may configure, or import deploy/rabbitmq/definitions.json."
    }

    /// One line: what is wrong, and what to do about it.
    package var description: String {
        guard !isGood else { return "The topology is as it should be." }
        return findings.map(\.description).joined(separator: "; ") + ". " + remedy
    }
}
