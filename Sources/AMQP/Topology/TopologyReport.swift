/// The result of a check of the topology.
package struct TopologyReport: Sendable, CustomStringConvertible {
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package enum Kind: String, Sendable {
            case missing
            case different
            /// A policy or a further argument makes the broker give up on messages or lose them.
            case limited
        }

        package var kind: Kind
        /// The entity in words: `queue autotask.jobs`.
        package var entity: String
        /// What differs: the expected and the found value.
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
    /// Descriptions of what could not be checked; empty if everything was checked.
    package var unseen: [String] = []

    /// Whether the check found nothing wrong.
    package var isGood: Bool { findings.isEmpty }

    static let unseenWithoutManagement = ["types of exchanges, arguments of queues, and bindings: set MANAGEMENT_URL to check them"]

    /// Remarks on policies that are allowed, such as length limits.
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
            steps.append("Remove this setting from the named policy or operator policy: see rabbitmqctl list_policies.")
        }
        return steps.joined(separator: " ")
    }

    /// How to change a queue's arguments without losing a message.
    package static let stepsToReplace = """
        For a job queue: 1. Unbind it from the exchange of jobs, so that portals get their messages back and repeat them (mandatory). \
        2. Let the worker empty it, until `rabbitmqctl list_queues name messages` shows 0. 3. Stop the workers. 4. Check again that it \
        shows 0, then run `rabbitmqctl delete_queue NAME` (a quorum queue has no --if-empty). 5. Run `autotask-worker topology apply`, and \
        bind the queue again if you manage its bindings. 6. Start the workers. For the dead queue: `autotask-worker dead-letters collect` \
        empties it. The journal loses its 7 days of replay.
        """

    /// One line: what is wrong, and what to do.
    package var description: String {
        guard !isGood else { return "The topology is correct." }
        return findings.map(\.description).joined(separator: "; ") + ". " + remedy
    }
}
