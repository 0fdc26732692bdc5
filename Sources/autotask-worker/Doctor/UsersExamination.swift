import AMQP
import Engine
import Operations

/// Checks whether the broker's users have more permissions than they need, and whether trusted publishers exist as users.
struct UsersExamination: Examination {
    let settings: Configuration

    let name = "users"
    private static let advice = "To check permissions, give doctor an administrator: --management-url http://admin:…@host:15672"
    /// A name that no user needs. A permission that matches it matches everything.
    private static let anything = "any-name-that-nobody-needs"

    func checks() async -> [HealthReport.Check] {
        guard let url = settings.managementURL else {
            return [notMade("MANAGEMENT_URL is not set.", advice: UsersExamination.advice)]
        }
        // The settings examination reports faulty settings.
        guard let api = try? ManagementAPI(url: url), let configuration = try? Broker(settings: settings).configuration(name: "") else {
            return []
        }
        let rights: BrokerRights?
        do { rights = try await api.rights(in: configuration.virtualHost) } catch {
            return [notMade(error, advice: UsersExamination.advice)]
        }
        guard let rights else {
            return [notMade("MANAGEMENT_URL's user is not an administrator.", advice: UsersExamination.advice)]
        }
        return verdict(on: rights, user: configuration.userName, virtualHost: configuration.virtualHost)
    }

    /// - Parameters:
    ///   - rights: the permissions of all users in the virtual host.
    ///   - name: the worker's own user.
    ///   - virtualHost: the virtual host of `AMQP_URL`.
    func verdict(on rights: BrokerRights, user name: String, virtualHost: String) -> [HealthReport.Check] {
        // Another broker's users, or another virtual host's permissions, prove nothing.
        guard rights.users.contains(where: { $0.name == name && $0.hasPermissions }) else {
            return [
                notMade(
                    "the broker of MANAGEMENT_URL gives \(name) no permission in the virtual host \(virtualHost): it is not the broker or the virtual host of AMQP_URL.",
                    advice: "Check MANAGEMENT_URL."
                )
            ]
        }
        let (known, unread, lacking) = (known(rights), unread(rights), lacking(rights, name))
        // If AMQP_URL has the wrong user, other users that take jobs and publish events are no finding.
        guard lacking.isEmpty else { return known + unread + lacking }
        let findings = known + unread + open(rights) + worker(rights, name) + others(rights, name)
        return findings.isEmpty ? [pass("None of \(rights.users.count.of("broker user")) has more permissions than it needs.")] : findings
    }

    /// Warns about users that should not exist, and about trusted ones that do not.
    private func known(_ rights: BrokerRights) -> [HealthReport.Check] {
        var findings: [HealthReport.Check] = []
        if rights.users.contains(where: { $0.name == "guest" }) {
            findings.append(
                warn("The broker has the user guest, whose password everybody knows.", advice: "Run: rabbitmqctl delete_user guest")
            )
        }
        let names = Set(rights.users.map(\.name))
        let missing = trusted.filter { !names.contains($0) }
        if !missing.isEmpty {
            findings.append(
                warn(
                    "TRUSTED_PUBLISHERS names \(missing.list), unknown to the broker: a new user of that name would be trusted.",
                    advice: "Correct the name, add the user, or remove the name."
                )
            )
        }
        return findings
    }

    /// Users whose permissions cannot be judged.
    private func unread(_ rights: BrokerRights) -> [HealthReport.Check] {
        rights.users.filter { !$0.unreadable.isEmpty }.map { user in
            notMade(
                "the permissions of \(user.name) (\(user.unreadable.joined(separator: ", "))) are patterns that doctor cannot read.",
                advice: "Look at them: rabbitmqctl list_user_permissions \(user.name)"
            )
        }
    }

    /// Warns about users that are not administrators and yet may do everything.
    private func open(_ rights: BrokerRights) -> [HealthReport.Check] {
        let open = rights.users.filter { !$0.isAdministrator && isOpen($0) }
        guard !open.isEmpty else { return [] }
        return [
            warn(
                "\(open.map(\.name).list) may use every exchange and queue without being an administrator.",
                advice: "Give each the anchored patterns of deploy/rabbitmq/definitions.json: rabbitmqctl set_permissions"
            )
        ]
    }

    private func isOpen(_ user: BrokerRights.User) -> Bool {
        BrokerRights.Right.allCases.contains { user.may($0, UsersExamination.anything) }
    }

    /// Fails when the worker's user may not take jobs or publish events.
    private func lacking(_ rights: BrokerRights, _ name: String) -> [HealthReport.Check] {
        guard let user = rights.users.first(where: { $0.name == name }), user.unreadable.isEmpty else { return [] }
        let closed = settings.jobQueues.filter { !user.may(.read, $0) }
        var actions = closed.isEmpty ? [] : ["take jobs from \(closed.list)"]
        if !user.may(.write, results) { actions.append("publish events to \(results)") }
        guard !actions.isEmpty else { return [] }
        return [
            fail(
                "The user \(name) of AMQP_URL may not \(actions.joined(separator: ", nor ")).",
                advice: "Set AMQP_URL to the worker's own user, such as worker of deploy/rabbitmq/definitions.json."
            )
        ]
    }

    /// Warns when the worker's user may configure the broker, which the worker never does.
    private func worker(_ rights: BrokerRights, _ name: String) -> [HealthReport.Check] {
        guard let user = rights.users.first(where: { $0.name == name }) else { return [] }
        let configures = user.isAdministrator || (settings.jobQueues + [results]).contains { user.may(.configure, $0) }
        guard configures else { return [] }
        return [
            warn(
                "The worker's user \(name) may configure the broker: anyone with its password may delete jobs and add rights.",
                advice:
                    "Set AMQP_URL to a user such as worker of deploy/rabbitmq/definitions.json, and use a user with that right only for topology apply."
            )
        ]
    }

    /// Warns about other users that may take jobs, with sealed credentials, or publish results as if they were the worker. Users that may
    /// configure the job queues are exempt.
    private func others(_ rights: BrokerRights, _ name: String) -> [HealthReport.Check] {
        let others = rights.users.filter { user in
            user.name != name && !user.isAdministrator && !isOpen(user) && !settings.jobQueues.contains { user.may(.configure, $0) }
        }
        var findings: [HealthReport.Check] = []
        let readers = others.filter { user in (settings.jobQueues + [jobs]).contains { user.may(.read, $0) } }
        if !readers.isEmpty {
            findings.append(
                warn(
                    "\(readers.map(\.name).list) may take jobs from the job queue, or follow them.",
                    advice: "Portals only need to write \(jobs): rabbitmqctl set_permissions"
                )
            )
        }
        let writers = others.filter { $0.may(.write, results) }
        if !writers.isEmpty {
            findings.append(
                warn(
                    "\(writers.map(\.name).list) may publish events in the worker's place.",
                    advice: "Portals and monitors need to read \(results), not to write it: rabbitmqctl set_permissions"
                )
            )
        }
        return findings
    }

    private var trusted: [String] { (try? settings.development) == true ? [] : (try? settings.trustedPublishers)?.users ?? [] }
    private var jobs: String { Broker(settings: settings).jobsExchange }
    private var results: String { Broker(settings: settings).resultsExchange }
}

extension [String] {
    fileprivate var list: String { joined(separator: ", ") }
}
