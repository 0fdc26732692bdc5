import AMQP
import FoundationEssentials
import Logging
import Telemetry

/// The broker that the settings name, and the names of its exchanges and queues (`Contract`, "Topology").
struct Broker {
    let settings: Configuration

    var jobsExchange: String { "\(settings.prefix).jobs" }
    var resultsExchange: String { "\(settings.prefix).results" }
    /// The queue of messages that the broker gave up on.
    var deadQueue: String { "\(settings.prefix).dead" }
    var journalQueue: String { "\(settings.prefix).results.journal" }

    /// A queue name that the user's permissions allow: portals and monitors each have a name space, and other users one below the portals'.
    func temporaryQueue(of user: String) -> String {
        let space = ["monitor", "portal"].contains(user) ? user : "portal.\(user)"
        return "\(settings.prefix).\(space).\(UUID().uuidString.lowercased())"
    }

    /// The worker's own broker user.
    var user: String {
        get throws { try configuration(name: "autotask-worker").userName }
    }

    var topology: Topology {
        Topology(prefix: settings.prefix, jobQueues: settings.entry(\.jobQueues).isSet ? settings.jobQueues : [])
    }

    /// Reports which exchanges and queues exist, as far as the worker's own user can see.
    func topologyReport() async throws -> TopologyReport {
        do { return try await topology.check(on: configuration(name: "autotask-worker topology")) } catch let error as AMQPError {
            throw Failure(.unavailable, error.message, hint: error.advice(about: "AMQP_URL"))
        }
    }

    /// Throws when an exchange or a queue is missing. A broker that has just started has 5 seconds to find its queues; one that cannot be
    /// reached is not checked.
    func checkTopology(log: Logger) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            let report: TopologyReport
            do { report = try await topology.check(on: configuration(name: "autotask-worker topology")) } catch let error as AMQPError {
                log.warning("The topology cannot be checked now", metadata: .keys([.error: "\(error)"]))
                return
            }
            if report.isGood { return }
            guard ContinuousClock.now < deadline else { throw Failure(.unavailable, report.description) }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    func publisher(log: Logger, instruments: Instruments) throws -> Publisher {
        var configuration = PublisherConfiguration()
        configuration.awaitedQueues = [journalQueue]
        return try Publisher(
            connection: self.configuration(name: "autotask-worker results"),
            configuration: configuration,
            log: log,
            instruments: instruments
        )
    }

    func consumer(log: Logger, instruments: Instruments) throws -> Consumer {
        var configuration = ConsumerConfiguration(sources: settings.jobQueues.map { ConsumerSource(queue: $0) })
        configuration.beginsWithOne = true
        return try Consumer(
            connection: self.configuration(name: "autotask-worker jobs"),
            configuration: configuration,
            log: log,
            instruments: instruments
        )
    }

    /// The connection to the broker of `AMQP_URL`.
    func configuration(name: String) throws -> AMQPConfiguration {
        try configuration(url: settings.amqpURL, setting: "AMQP_URL", name: name)
    }

    /// - Parameters:
    ///   - url: the broker's address, with user and password.
    ///   - setting: the setting that holds the URL, for messages.
    ///   - name: the connection's name in RabbitMQ's management.
    func configuration(url: String, setting: String, name: String) throws -> AMQPConfiguration {
        do {
            var configuration = try AMQPConfiguration(url: url, certificateAuthorityFile: settings.amqpCAFile)
            configuration.connectionName = name
            return configuration
        } catch {
            throw Failure(.usage, "\(setting): \(error.message)", hint: "See autotask-worker run --print-config.")
        }
    }
}

extension AMQPError {
    /// What to check when no connection to the broker can be made.
    ///
    /// - Parameter setting: the setting that names the broker.
    func advice(about setting: String) -> String {
        switch code {
        case .accessRefused, .notPermitted: "Check user, password and virtual host in \(setting), and the user's permissions there."
        case .tlsFailed: "Check \(setting), AMQP_CA_FILE and the broker's certificate."
        case .invalidConfiguration: "Check \(setting) and AMQP_CA_FILE."
        default: "Check \(setting), and that RabbitMQ runs there."
        }
    }
}
