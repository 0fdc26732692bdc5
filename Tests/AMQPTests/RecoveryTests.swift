import AMQP
import Testing

/// How a connection can end, and what survives it.
@Suite(.enabled(if: TestBroker.isAvailable), .timeLimit(.minutes(1)))
struct RecoveryTests {
    @Test(.enabled(if: TestBroker.hasManagement))
    func `a connection that the broker closes is opened again, and its deliveries are repeated`() async throws {
        try await Scratch.with { scratch in
            try await scratch.publish((1...10).map { scratch.message($0) })
            var connection = try TestBroker.configuration()
            connection.connectionName = scratch.name
            let consumer = try scratch.consumer(connection)
            try await withRunning(consumer) {
                let first = try await consumer.take(10)
                consumer.acknowledge(Array(first.prefix(3)))
                try await TestBroker.closeConnection(named: scratch.name)
                let second = try await consumer.take(7)
                #expect(await !consumer.holds(first[9].tag))
                #expect(await consumer.holds(second[6].tag))
                #expect(second.map(\.id) == Array(4...10))
                consumer.acknowledge(first)
                consumer.acknowledge(Array(second.prefix(2)))
            }
            let ids = try await scratch.drain(5)
            #expect(ids == [6, 7, 8, 9, 10])
        }
    }

    @Test(.enabled(if: TestBroker.hasManagement))
    func `a publisher whose connection the broker closes publishes again`() async throws {
        try await Scratch.with { scratch in
            var connection = try TestBroker.configuration()
            connection.connectionName = scratch.name
            let publisher = try scratch.publisher(connection)
            try await withRunning(publisher) {
                try await publisher.publish(scratch.message(1))
                try await TestBroker.closeConnection(named: scratch.name)
                // The connection may end while the message is in flight; the publisher then reports it. The next message is published.
                do { try await publisher.publish(scratch.message(2)) } catch { try await publisher.publish(scratch.message(3)) }
            }
        }
    }

    /// A peer that reads and sends nothing. The test writes enough to fill every buffer, so that the write itself blocks.
    @Test func `a publisher with a dead peer is free again within twice the heartbeat`() async throws {
        try await Scratch.with { scratch in
            try await Proxy.with(target: TestBroker.configuration().port) { proxy in
                var connection = try TestBroker.configuration()
                connection.port = proxy.port
                connection.heartbeat = 2
                let publisher = try scratch.publisher(connection)
                try await withRunning(publisher) {
                    try await publisher.publish(scratch.message(1))
                    proxy.fallSilent()
                    let start = ContinuousClock.now
                    let results = await publisher.publish((1...100).map { scratch.message($0, body: Array(repeating: 1, count: 1 << 18)) })
                    // Detection takes at most twice the heartbeat; the rest allows for a busy machine.
                    #expect(ContinuousClock.now - start < .seconds(8))
                    for result in results { #expect(throws: AMQPError.self) { try result.get() } }
                    proxy.recover()
                    try await publisher.publish(scratch.message(2))
                }
            }
        }
    }

    @Test func `a consumer with a dead peer notices within twice the heartbeat`() async throws {
        try await Scratch.with { scratch in
            try await Proxy.with(target: TestBroker.configuration().port) { proxy in
                var connection = try TestBroker.configuration()
                connection.port = proxy.port
                connection.heartbeat = 2
                let consumer = try scratch.consumer(connection)
                try await withRunning(consumer) {
                    try await consumer.states.first { $0.isConsuming }
                    proxy.fallSilent()
                    let start = ContinuousClock.now
                    try await consumer.states.first { !$0.isConnected }
                    #expect(ContinuousClock.now - start < .seconds(8))
                    proxy.recover()
                    try await consumer.states.first { $0.isConsuming }
                }
            }
        }
    }

    @Test func `an unknown user is refused, and the reason is visible`() async throws {
        var connection = try TestBroker.configuration()
        connection.password = .init("wrong")
        let error = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(error?.code == .accessRefused)
        connection = try TestBroker.configuration()
        connection.virtualHost = "nowhere"
        let otherError = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(otherError?.code == .accessRefused)
        connection = try TestBroker.configuration()
        connection.port = 1
        let thirdError = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(thirdError?.code == .cannotConnect)
    }
}
