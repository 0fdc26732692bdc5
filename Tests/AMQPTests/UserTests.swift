import AMQP
import Logging
import Testing

/// The users of `deploy/rabbitmq/definitions.json`: each can do its task and nothing else.
///
/// The tests run one after another: RabbitMQ refuses a message if a destination queue ends at that moment, as other tests' queues do.
@Suite(.serialized, .enabled(if: TestBroker.hasUsers), .timeLimit(.minutes(1)))
struct UserTests {
    private func refusal(of user: String, _ topology: Topology) async throws -> AMQPError.Code? {
        do {
            try await topology.apply(to: TestBroker.configuration(user: user))
            return nil
        } catch let error as AMQPError {
            return error.code
        }
    }

    private func publishing(_ user: String, to exchange: String, key: String, userID: String? = nil) async throws -> PublishResult {
        let publisher = try Publisher(connection: TestBroker.configuration(user: user), log: .silent)
        let message = OutboundMessage(
            exchange: exchange,
            routingKey: key,
            properties: MessageProperties(messageID: "1", userID: userID),
            body: []
        )
        var results: [PublishResult] = []
        try await withRunning(publisher) { results = await publisher.publish([message]) }
        return results[0]
    }

    private func canConsume(_ user: String, from source: ConsumerSource) async throws -> Bool {
        let (answers, answer) = AsyncStream.makeStream(of: Bool.self)
        // Only the log reports a refusal: the consumer tries again, since permissions may be granted meanwhile.
        let consumer = try Consumer(
            connection: TestBroker.configuration(user: user),
            configuration: ConsumerConfiguration(sources: [source]),
            log: Logger(label: "test") { _ in WarningObserver { answer.yield(false) } }
        )
        var isConsuming = false
        try await withRunning(consumer) {
            let waiting = Task {
                for await state in consumer.states where state.isConsuming { answer.yield(true) }
            }
            isConsuming = await answers.first { _ in true } == true
            waiting.cancel()
        }
        return isConsuming
    }

    private func results(into queue: String) -> ConsumerSource {
        ConsumerSource(queue: queue, temporary: TemporaryQueue(bindings: [.init(exchange: "autotask.results", routingKey: "#")]))
    }

    @Test func `the worker sees its topology, takes jobs, publishes results, and configures nothing`() async throws {
        let (report, queues) = try await Topology().examine(on: TestBroker.configuration(user: "worker"))
        #expect(report.isGood && Set(queues.keys) == ["autotask.jobs", "autotask.results.journal", "autotask.dead"])
        #expect(try await canConsume("worker", from: ConsumerSource(queue: "autotask.jobs")))
        try await publishing("worker", to: "autotask.results", key: "test.user.worker").get()
        await #expect(throws: AMQPError.self) { try await publishing("worker", to: "autotask.jobs", key: "test.worker").get() }
        #expect(try await refusal(of: "worker", Topology(prefix: "autotask.new")) == .notPermitted)
    }

    @Test func `a portal follows results in a queue of its own, as itself only, and takes no jobs`() async throws {
        #expect(try await canConsume("portal", from: results(into: "autotask.portal.test")))
        #expect(try await !canConsume("portal", from: ConsumerSource(queue: "autotask.jobs")))
        await #expect(throws: AMQPError.self) { try await publishing("portal", to: "autotask.results", key: "test.user.portal").get() }
        await #expect(throws: AMQPError.self) { try await publishing("portal", to: "autotask.jobs", key: "none", userID: "worker").get() }
        #expect(try await refusal(of: "portal", Topology(prefix: "autotask.new")) == .notPermitted)
    }

    @Test func `a monitor follows results, replays the journal, and publishes nothing`() async throws {
        #expect(try await canConsume("monitor", from: results(into: "autotask.monitor.test")))
        let journal = ConsumerSource(queue: "autotask.results.journal", arguments: ["x-stream-offset": "first"])
        #expect(try await canConsume("monitor", from: journal))
        #expect(try await !canConsume("monitor", from: ConsumerSource(queue: "autotask.jobs")))
        await #expect(throws: AMQPError.self) { try await publishing("monitor", to: "autotask.jobs", key: "test.monitor").get() }
    }

    @Test func `the operator applies the topology`() async throws {
        #expect(try await refusal(of: "operator", Topology()) == nil)
    }
}

/// Collects every warning that a program logs.
private struct WarningObserver: LogHandler {
    let warned: @Sendable () -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning

    init(_ warned: @escaping @Sendable () -> Void) { self.warned = warned }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { warned() }
}
