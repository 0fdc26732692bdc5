/// What a check of the topology found.
package struct TopologyReport: Sendable, CustomStringConvertible {
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package enum Kind: String, Sendable {
            case missing
            case different
            /// A policy or a further argument makes the broker give up on messages, or lose them.
            case limited
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
            case .limited: "\(entity) is limited: \(detail ?? "")"
            }
        }
    }

    package var findings: [Finding] = []
    /// What could not be looked at, in words; empty if everything was seen.
    package var unseen: [String] = []

    /// Whether nothing is wrong as far as could be seen.
    package var isGood: Bool { findings.isEmpty }

    static let unseenWithoutManagement = ["types of exchanges, arguments of queues, and bindings: they take MANAGEMENT_URL"]

    /// What policies may set: how long a queue may become.
    package var notes: [String] = []

    /// What to do about the findings.
    package var remedy: String {
        let kinds = Set(findings.map(\.kind))
        var steps: [String] = []
        if kinds.contains(.missing) {
            steps.append("Run `autotask-worker topology apply` as a user who may configure, or import deploy/rabbitmq/definitions.json.")
        }
        if kinds.contains(.different) { steps.append("RabbitMQ cannot change what is different. " + TopologyReport.stepsToReplace) }
        if kinds.contains(.limited) {
            steps.append("Change the policy or operator policy that is named, so that it says nothing of this: rabbitmqctl list_policies.")
        }
        return steps.joined(separator: " ")
    }

    /// How to change a queue's arguments without losing a message.
    package static let stepsToReplace = """
        For a queue of jobs: 1. Unbind it from the exchange of jobs, so that portals are refused and repeat (mandatory). 2. Let the worker take what is \
        in it, until `rabbitmqctl list_queues name messages` shows 0. 3. Stop the workers. 4. Look once more that it shows 0, then \
        `rabbitmqctl delete_queue NAME` (RabbitMQ knows no --if-empty for a quorum queue). 5. Run `autotask-worker topology apply`, and bind it again \
        where its bindings are yours. 6. Start the workers. For the dead queue: `autotask-worker dead-letters collect` empties it. The journal \
        loses its 7 days of replay.
        """

    /// One line: what is wrong, and what to do about it.
    package var description: String {
        guard !isGood else { return "The topology is as it should be." }
        return findings.map(\.description).joined(separator: "; ") + ". " + remedy
    }
}
