import AMQP
import Contract
import Logging

/// The broker as a portal or a monitor sees it, for the commands `job` and `events`.
struct PortalConnection {
    private let broker: Broker
    private let configuration: AMQPConfiguration
    private let log: Logger
    /// The setting that names the broker, for messages.
    private let setting: String

    /// - Parameter settings: `PORTAL_AMQP_URL` names the broker and the user.
    init(_ settings: Configuration) throws {
        broker = Broker(settings: settings)
        configuration = try broker.configuration(
            url: settings.portalAMQPURL,
            setting: "PORTAL_AMQP_URL",
            name: "autotask-worker command line"
        )
        log = .ofCommands
        setting = settings.entry(\.portalAMQPURL).isSet ? "PORTAL_AMQP_URL" : "AMQP_URL"
    }

    /// Publishes a job.
    ///
    /// - Parameters:
    ///   - request: the job.
    ///   - patience: how long to wait for the terminal event, counted from the end of a deferral; `nil` does not wait.
    /// - Returns: the terminal event; `nil` without a wait.
    func publish(_ request: JobRequest, awaitingAnswer patience: Duration?) async throws -> JSON? {
        guard let patience else {
            try await withPublisher { publisher in try await publish(request, through: publisher) }
            return nil
        }
        // The queue is bound before the job is published, so that no event is missed.
        return try await withEvents(routingKey: "*.*.\(request.tenant)", replay: false) { events in
            try await withPublisher { publisher in try await publish(request, through: publisher) }
            let patience = Patience(patience)
            return try await patience.wait(
                for: "the end of job \(request.id)",
                hint: "It may still end: see autotask-worker events."
            ) {
                var pages = EventPages()
                while let batch = await events() {
                    for event in batch where event["jobid"]?.string == request.id.description {
                        if let whole = pages.take(event), whole["terminal"] == true { return whole }
                        // No event comes before the end of a deferral.
                        guard let until = event["data"]?["until"]?.string.flatMap({ Timestamp($0) }) else { continue }
                        Terminal.complain("Job \(request.id) is deferred until \(until); still waiting.")
                        patience.extend(by: until - SystemTime.now)
                    }
                }
                throw Failure(.unavailable, "The connection to the broker ended.")
            }
        }
    }

    /// Calls `body` with each event, until it returns `false`.
    ///
    /// - Parameters:
    ///   - routingKey: selects events, as in a binding to the results exchange.
    ///   - replay: whether to begin with the events that the journal still holds.
    ///   - body: returns whether to continue.
    func forEachEvent(routingKey: String, replay: Bool, _ body: (JSON) -> Bool) async throws {
        try await withEvents(routingKey: routingKey, replay: replay) { events in
            while let batch = await events() {
                for event in batch {
                    guard body(event) else { return }
                }
            }
        }
    }

    // MARK: -

    private func publish(_ request: JobRequest, through publisher: Publisher) async throws {
        let message = OutboundMessage(
            exchange: broker.jobsExchange,
            routingKey: request.routingKey,
            properties: MessageProperties(
                contentType: OrderedEvent.contentType,
                messageID: request.id.description,
                type: request.type,
                userID: configuration.userName,
                timestamp: UInt64(max(request.time.millisecondsSinceEpoch, 0) / 1000)
            ),
            body: request.body
        )
        do { try await publisher.publish(message) } catch {
            if error.code == .returned {
                throw Failure(.unavailable, "No queue takes jobs of this kind and tenant.", hint: "Run: autotask-worker topology apply")
            }
            throw Failure(.unavailable, "The job was not published: \(error.message)")
        }
    }

    private func withPublisher<Value: Sendable>(_ body: (Publisher) async throws -> Value) async throws -> Value {
        var settings = PublisherConfiguration()
        settings.timeout = .seconds(15)
        let publisher = try Publisher(connection: configuration, configuration: settings, log: log)
        let running = Task { try await publisher.run() }
        defer { running.cancel() }
        try await publisher.untilConnected(atMost: .seconds(15), for: "the broker \(configuration)") { [setting] error in
            error?.advice(about: setting) ?? PortalConnection.advice(about: setting)
        }
        return try await body(publisher)
    }

    private static func advice(about setting: String) -> String { "Check \(setting), and that RabbitMQ runs there." }

    /// Begins to receive events, and passes `body` a function that returns the next ones.
    private func withEvents<Value: Sendable>(
        routingKey: String,
        replay: Bool,
        _ body: (@escaping @Sendable () async -> [JSON]?) async throws -> Value
    ) async throws -> Value {
        let source =
            replay
            ? ConsumerSource(queue: broker.journalQueue, arguments: ["x-stream-offset": "first"])
            : ConsumerSource(
                queue: broker.temporaryQueue(of: configuration.userName),
                temporary: TemporaryQueue(bindings: [.init(exchange: broker.resultsExchange, routingKey: routingKey)])
            )
        var consuming = ConsumerConfiguration(sources: [source])
        consuming.endsWhenClosed = true
        let consumer = try Consumer(connection: configuration, configuration: consuming, log: log)
        let running = Task { try await consumer.run() }
        defer { running.cancel() }
        let journal = broker.journalQueue
        try await consumer.untilConsuming(atMost: .seconds(15), for: "the broker \(configuration)") { [setting] error in
            switch error?.code {
            case .notPermitted where replay:
                "Only a monitor may read the journal: set PORTAL_AMQP_URL to a user that may read \(journal)."
            case .notPermitted: "Set PORTAL_AMQP_URL to a user that may follow results, such as portal or monitor."
            case .notFound: "Run: autotask-worker topology apply"
            default: error?.advice(about: setting) ?? PortalConnection.advice(about: setting)
            }
        }
        return try await body {
            guard let deliveries = await consumer.nextBatch() else { return nil }
            consumer.acknowledge(deliveries)
            return deliveries.compactMap { delivery in
                guard case .bytes(let bytes) = delivery.body else { return nil }
                return try? JSON(parsing: bytes)
            }
        }
    }
}
