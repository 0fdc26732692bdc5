import Testing

@testable import AMQP

struct TopologyTests {
    private let exchanges = """
        [{"name":"autotask.jobs","type":"topic","durable":true},{"name":"autotask.results","type":"topic","durable":true},
         {"name":"autotask.dead","type":"fanout","durable":true},{"name":"","type":"direct","durable":true}]
        """
    private let queues = """
        [{"name":"autotask.jobs","durable":true,"arguments":{"x-queue-type":"quorum","x-single-active-consumer":true,
          "x-dead-letter-exchange":"autotask.dead","x-dead-letter-strategy":"at-least-once","x-overflow":"reject-publish",
          "x-delivery-limit":1000000}},
         {"name":"autotask.results.journal","durable":true,"arguments":{"x-queue-type":"stream","x-max-age":"7D"}},
         {"name":"autotask.dead","durable":true,"arguments":{"x-queue-type":"quorum"}}]
        """
    private let bindings = """
        [{"source":"autotask.jobs","destination":"autotask.jobs","destination_type":"queue","routing_key":"#"},
         {"source":"autotask.results","destination":"autotask.results.journal","destination_type":"queue","routing_key":"#"},
         {"source":"autotask.dead","destination":"autotask.dead","destination_type":"queue","routing_key":""}]
        """

    private func answers(exchanges: String? = nil, queues: String? = nil, bindings: String? = nil) -> ManagementAnswers {
        ManagementAnswers(
            exchanges: Array((exchanges ?? self.exchanges).utf8),
            queues: Array((queues ?? self.queues).utf8),
            bindings: Array((bindings ?? self.bindings).utf8)
        )
    }

    @Test func `a matching topology has no findings`() throws {
        #expect(try Topology().compare(with: answers()).isGood)
    }

    @Test func `missing and different entities are reported, with a remedy`() throws {
        let report = try Topology().compare(
            with: answers(
                exchanges: exchanges.replacing("autotask.results", with: "other.results"),
                queues: queues.replacing(#""x-single-active-consumer":true,"#, with: ""),
                bindings: "[]"
            )
        )
        #expect(report.findings.contains(.init(.missing, "exchange autotask.results")))
        #expect(
            report.findings.contains(.init(.different, "queue autotask.jobs", "x-single-active-consumer is not set, not true"))
        )
        #expect(report.findings.contains(.init(.missing, "the binding of queue autotask.jobs to exchange autotask.jobs with #")))
        #expect(report.description.contains("topology apply"))
        #expect(!report.description.contains("\n"))
    }

    @Test func `the wrong type of an exchange is reported`() throws {
        let report = try Topology().compare(with: answers(exchanges: exchanges.replacing("fanout", with: "topic")))
        #expect(report.findings == [.init(.different, "exchange autotask.dead", "its type is topic, not fanout")])
    }

    @Test func `job queues that the operator defines need a binding, of any kind`() throws {
        let topology = Topology(jobQueues: ["autotask.jobs.a"])
        let queues = queues.replacing(#""name":"autotask.jobs""#, with: #""name":"autotask.jobs.a""#)
        let bound = bindings.replacing(
            ##""destination":"autotask.jobs","destination_type":"queue","routing_key":"#""##,
            with: ##""destination":"autotask.jobs.a","destination_type":"queue","routing_key":"sync.#""##
        )
        #expect(try topology.compare(with: answers(queues: queues, bindings: bound)).isGood)
        #expect(
            try topology.compare(with: answers(queues: queues)).description.hasPrefix(
                "a binding of queue autotask.jobs.a to exchange autotask.jobs"
            )
        )
    }

    @Test func `the prefix changes only names`() {
        let plain = Topology()
        let other = Topology(prefix: "test")
        #expect(other.queues.map(\.name) == plain.queues.map { $0.name.replacing("autotask", with: "test") })
        #expect(other.queues.map { $0.arguments["x-queue-type"] } == plain.queues.map { $0.arguments["x-queue-type"] })
    }

    @Test func `an answer from anything but the management API is refused`() {
        let error = #expect(throws: AMQPError.self) { try Topology().compare(with: answers(queues: "<html>")) }
        #expect(error?.code == .unexpected)
    }
}

/// Against the real broker, with the definitions of `deploy/rabbitmq`.
@Suite(.enabled(if: TestBroker.hasManagement), .timeLimit(.minutes(1)))
struct TopologyBrokerTests {
    private func answers() async throws -> ManagementAnswers {
        try await ManagementAnswers(
            exchanges: Array(TestBroker.manage("GET", "/api/exchanges/%2F")),
            queues: Array(TestBroker.manage("GET", "/api/queues/%2F")),
            bindings: Array(TestBroker.manage("GET", "/api/bindings/%2F"))
        )
    }

    @Test func `the definitions file describes the same topology`() async throws {
        let report = try await Topology().compare(with: answers())
        #expect(report.isGood, "\(report)")
        let passive = try await Topology().check(on: TestBroker.configuration())
        #expect(passive.isGood)
        #expect(!passive.unseen.isEmpty)
    }

    @Test func `a missing topology is reported, and exists after it is applied`() async throws {
        let topology = Topology(prefix: "test-topology")
        let configuration = try TestBroker.configuration()
        #expect(try await topology.check(on: configuration).findings.count == 6)
        try await topology.apply(to: configuration)
        try await topology.apply(to: configuration)
        #expect(try await topology.check(on: configuration).isGood)
        let report = try await topology.compare(with: answers())
        #expect(report.isGood, "\(report)")
        try await topology.delete(from: configuration)
    }

    @Test func `an immutable difference is refused`() async throws {
        try await Scratch.with { scratch in
            var other = scratch.topology
            other.queues[0].arguments["x-max-length"] = 5
            let error = await #expect(throws: AMQPError.self) { try await other.apply(to: TestBroker.configuration()) }
            #expect(error?.code == .preconditionFailed)
        }
    }
}
