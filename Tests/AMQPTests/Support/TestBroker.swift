import AMQP
import Foundation
import FoundationNetworking
import Glibc
import Logging
import ServiceLifecycle
import Testing

/// The real RabbitMQ for tests: `deploy/broker start DIR --tls`, then the variables of `DIR/env`.
enum TestBroker {
    static var isAvailable: Bool { environment("TEST_AMQP_URL") != nil }
    static var hasManagement: Bool { isAvailable && environment("TEST_MANAGEMENT_URL") != nil }
    static var hasTLS: Bool { isAvailable && environment("TEST_AMQPS_URL") != nil && environment("TEST_CA_FILE") != nil }

    static var hasUsers: Bool { isAvailable && ["AMQP_URL", "PORTAL_AMQP_URL", "MONITOR_AMQP_URL"].allSatisfy { environment($0) != nil } }

    /// The configuration for a user of `deploy/rabbitmq/definitions.json`.
    static func configuration(user: String) throws -> AMQPConfiguration {
        let url = try #require(environment(user == "worker" ? "AMQP_URL" : "\(user.uppercased())_AMQP_URL"))
        return try AMQPConfiguration(url: url)
    }

    /// The configuration for a user with all permissions.
    static func configuration() throws -> AMQPConfiguration {
        let url = try #require(environment("TEST_AMQP_URL"))
        return try AMQPConfiguration(url: url)
    }

    static func encryptedConfiguration() throws -> AMQPConfiguration {
        let url = try #require(environment("TEST_AMQPS_URL"))
        return try AMQPConfiguration(url: url, certificateAuthorityFile: environment("TEST_CA_FILE"))
    }

    /// Sends a request to the management API and returns the body of its answer.
    @discardableResult
    static func manage(_ method: String, _ path: String) async throws -> Data {
        let base = try #require(environment("TEST_MANAGEMENT_URL"))
        var url = try #require(URLComponents(string: base))
        let credentials = "\(url.user ?? ""):\(url.password ?? "")"
        (url.user, url.password) = (nil, nil)
        let plainBase = try #require(url.string)
        var request = URLRequest(url: try #require(URL(string: plainBase + path)))
        request.httpMethod = method
        request.setValue("Basic \(Data(credentials.utf8).base64EncodedString())", forHTTPHeaderField: "Authorization")
        for _ in 0..<20 {
            let (data, response) = try await URLSession.shared.data(for: request)
            let status = try #require(response as? HTTPURLResponse).statusCode
            if (200..<300).contains(status) { return data }
            // RabbitMQ 3.10 answers a listing with 500 while one of its queues is being deleted, as other tests do.
            try #require(status == 500, "\(method) \(path) answered \(status)")
            try await Task.sleep(for: .milliseconds(50))
        }
        throw AMQPError(.unexpected, "\(method) \(path) keeps failing")
    }

    /// Makes the broker close the connection with that name. The management API lists it a moment after it was opened.
    static func closeConnection(named name: String) async throws {
        struct Connection: Decodable {
            struct Properties: Decodable { var connectionName: String? }
            var name: String
            var clientProperties: Properties
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for _ in 0..<200 {
            let connections = try await decoder.decode([Connection].self, from: manage("GET", "/api/connections"))
            if let found = connections.first(where: { $0.clientProperties.connectionName == name }) {
                let path = try #require(found.name.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
                try await manage("DELETE", "/api/connections/\(path)")
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("RabbitMQ's management API does not know the connection \(name)")
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// An exchange and queues for one test.
struct Scratch {
    let name: String
    let topology: Topology

    /// - Parameter arguments: the arguments of each queue, by the queue's name.
    static func with(
        queues: Int = 1,
        arguments: [String: AMQPFieldValue] = ["x-queue-type": "quorum"],
        _ body: (Scratch) async throws -> Void
    ) async throws {
        let name = "test-\(UUID().uuidString.prefix(8))"
        let names = (0..<queues).map { "\(name).\($0)" }
        let scratch = Scratch(
            name: name,
            topology: Topology(
                exchanges: [.init(name: name, kind: .topic)],
                queues: names.map { .init(name: $0, arguments: arguments) },
                bindings: names.map { .init(exchange: name, queue: $0, routingKey: $0) }
            )
        )
        let configuration = try TestBroker.configuration()
        try await scratch.topology.apply(to: configuration)
        do {
            try await body(scratch)
        } catch {
            try await scratch.topology.delete(from: configuration)
            throw error
        }
        try await scratch.topology.delete(from: configuration)
    }

    var queue: String { topology.queues[0].name }

    func message(_ id: Int, queue: String? = nil, body: [UInt8] = Array("body".utf8)) -> OutboundMessage {
        OutboundMessage(
            exchange: name,
            routingKey: queue ?? self.queue,
            properties: MessageProperties(messageID: "\(id)"),
            body: body
        )
    }

    func consumer(
        _ connection: AMQPConfiguration? = nil,
        configure: (inout ConsumerConfiguration) -> Void = { _ in }
    ) throws -> Consumer {
        var configuration = ConsumerConfiguration(sources: topology.queues.map { ConsumerSource(queue: $0.name) })
        configure(&configuration)
        return try Consumer(connection: connection ?? TestBroker.configuration(), configuration: configuration, log: .silent)
    }

    func publisher(
        _ connection: AMQPConfiguration? = nil,
        configure: (inout PublisherConfiguration) -> Void = { _ in }
    ) throws -> Publisher {
        var configuration = PublisherConfiguration()
        configure(&configuration)
        return try Publisher(connection: connection ?? TestBroker.configuration(), configuration: configuration, log: .silent)
    }

    /// Publishes through a publisher of its own; every message must be confirmed.
    func publish(_ messages: [OutboundMessage]) async throws {
        let publisher = try publisher()
        try await withRunning(publisher) {
            for result in await publisher.publish(messages) { try result.get() }
        }
    }

    /// Takes `count` messages out of the queues and returns them. A consumer that ended returns its messages a moment later.
    func drain(_ count: Int) async throws -> [Int] {
        let consumer = try consumer()
        var ids: [Int] = []
        try await withRunning(consumer) {
            let deliveries = try await consumer.take(count)
            consumer.acknowledge(deliveries)
            ids = deliveries.map(\.id)
        }
        return ids
    }

    func messageCount() async throws -> Int {
        try await Topology.messageCount(of: queue, on: TestBroker.configuration())
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Runs services while `body` runs.
func withRunning(_ services: any Service..., body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup { group in
        for service in services { group.addTask { try await service.run() } }
        try await body()
        group.cancelAll()
        try await group.waitForAll()
    }
}

extension AsyncStream<ConnectionState> {
    /// Waits until a state is as expected; the test's time limit is the deadline.
    func first(where predicate: (ConnectionState) -> Bool) async throws {
        for await state in self where predicate(state) { return }
        Issue.record("The service ended before its connection was as expected.")
    }
}

extension Consumer {
    /// Receives `count` deliveries, in any number of batches.
    func take(_ count: Int) async throws -> [Delivery] {
        var deliveries: [Delivery] = []
        while deliveries.count < count {
            let batch = await nextBatch()
            deliveries += try #require(batch)
        }
        return deliveries
    }
}

extension Delivery {
    var id: Int { properties.messageID.flatMap { Int($0) } ?? -1 }
}
