import AMQP
import FoundationEssentials
import Logging
import Telemetry

/// The broker that the settings name, and the names of what is on it (`Contract`, "Topology").
struct Broker {
    let settings: Configuration

    var jobsExchange: String { "\(settings.prefix).jobs" }
    var resultsExchange: String { "\(settings.prefix).results" }
    /// What the broker itself gives up on.
    var deadQueue: String { "\(settings.prefix).dead" }
    var journalQueue: String { "\(settings.prefix).results.journal" }

    /// A name that the user may give to a queue of its own: portals and monitors each have a name space, and further users one below the
    /// portals'.
    func temporaryQueue(of user: String) -> String {
        let space = ["monitor", "portal"].contains(user) ? user : "portal.\(user)"
        return "\(settings.prefix).\(space).\(UUID().uuidString.lowercased())"
    }

    /// The worker's own broker user.
    var user: String {
        get throws { try configuration(name: "autotask-worker").userName }
    }

    var topology: Topology {
        Topology(prefix: settings.prefix, doors: settings.entry(\.jobQueues).isSet ? settings.jobQueues : [])
    }

    /// Which exchanges and queues there are, as far as the worker's own user can see.
    func topologyReport() async throws -> TopologyReport {
        do { return try await topology.check(on: configuration(name: "autotask-worker topology")) } catch let error as AMQPError {
            throw Failure(.unavailable, error.message, hint: error.advice(about: "AMQP_URL"))
        }
    }

    /// Refuses to go on when an exchange or a queue is missing. A broker that cannot be reached is waited for, and one that has just started
    /// may not find its queues for a moment.
    func checkTopology(log: Logger) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            let report: TopologyReport
            do { report = try await topology.check(on: configuration(name: "autotask-worker topology")) } catch let error as AMQPError {
                log.warning("The broker cannot be asked for its topology", metadata: .keys([.error: "\(error)"]))
                return
            }
            if report.isGood { return }
            guard ContinuousClock.now < deadline else { throw Failure(.unavailable, report.description) }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    func publisher(log: Logger) throws -> Publisher {
        var configuration = PublisherConfiguration()
        configuration.awaitedQueues = [journalQueue]
        return try Publisher(connection: self.configuration(name: "autotask-worker results"), configuration: configuration, log: log)
    }

    func consumer(log: Logger) throws -> Consumer {
        var configuration = ConsumerConfiguration(sources: settings.jobQueues.map { ConsumerSource(queue: $0) })
        configuration.beginsWithOne = true
        return try Consumer(connection: self.configuration(name: "autotask-worker jobs"), configuration: configuration, log: log)
    }

    /// How to reach the broker by `AMQP_URL`.
    func configuration(name: String) throws -> AMQPConfiguration {
        try configuration(url: settings.amqpURL, setting: "AMQP_URL", name: name)
    }

    /// - Parameters:
    ///   - url: where the broker is, and as whom.
    ///   - setting: what the URL came from, for the message when it cannot be read.
    ///   - name: what the broker shows of the connection.
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
    /// - Parameter setting: the one that names the broker.
    func advice(about setting: String) -> String {
        switch code {
        case .accessRefused, .notPermitted: "Check user, password and virtual host in \(setting), and the user's permissions there."
        case .tlsFailed: "Check \(setting), AMQP_CA_FILE and the broker's certificate."
        case .invalidConfiguration: "Check \(setting) and AMQP_CA_FILE."
        default: "Check \(setting), and that RabbitMQ runs there."
        }
    }
}
