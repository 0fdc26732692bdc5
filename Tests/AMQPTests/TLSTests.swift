import AMQP
import TLSPeers
import Testing

@Suite(.enabled(if: TestBroker.hasTLS), .timeLimit(.minutes(1)))
struct TLSTests {
    @Test func `messages pass through an encrypted connection`() async throws {
        try await Scratch.with { scratch in
            let connection = try TestBroker.encryptedConfiguration()
            let publisher = try scratch.publisher(connection)
            let consumer = try scratch.consumer(connection)
            try await withRunning(publisher, consumer) {
                let body = Array(repeating: UInt8(7), count: 50_000)
                for result in await publisher.publish((1...100).map { scratch.message($0, body: body) }) { try result.get() }
                let deliveries = try await consumer.take(100)
                #expect(deliveries.map(\.id) == Array(1...100))
                #expect(deliveries.filter { $0.body == .bytes(body) }.count == 100)
            }
        }
    }

    @Test func `a certificate for another host is refused`() async throws {
        var connection = try TestBroker.encryptedConfiguration()
        connection.host = "127.0.0.1"
        let error = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(error?.code == .tlsFailed)
    }

    @Test func `a certificate of an unknown authority is refused`() async throws {
        var connection = try TestBroker.encryptedConfiguration()
        connection.certificateAuthorityFile = nil
        let error = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(error?.code == .tlsFailed)
    }

    @Test func `a missing CA file is reported as missing`() async throws {
        var connection = try TestBroker.encryptedConfiguration()
        connection.certificateAuthorityFile = "/nowhere.pem"
        let error = await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
        #expect(error?.code == .invalidConfiguration)
    }
}

/// These tests need no broker: the handshake precedes AMQP.
@Suite(.timeLimit(.minutes(2)))
struct CertificateTests {
    private func check(_ flaw: Flaw, certifiedName: String? = nil) async throws -> AMQPError? {
        let server = try TLSServer(flaw)
        defer { server.stop() }
        var connection = try AMQPConfiguration(url: "amqps://127.0.0.1:\(server.port)", certificateAuthorityFile: server.authorityFile)
        connection.certifiedName = certifiedName
        connection.replyTimeout = .milliseconds(500)
        return await #expect(throws: AMQPError.self) { try await Topology().check(on: connection) }
    }

    @Test(arguments: [nil, "localhost", "webservices.autotask.net"])
    func `a peer with a valid certificate is accepted, by address, by name and by wildcard`(name: String?) async throws {
        // The peer is not a broker and does not answer, but it received the request.
        let error = try await check(.none, certifiedName: name)
        #expect(error?.code == .timedOut)
    }

    @Test(arguments: Flaw.flaws)
    func `a peer that cannot prove its identity is refused, and the error says why`(flaw: Flaw) async throws {
        let error = try #require(try await check(flaw, certifiedName: flaw.host))
        #expect(error.code == .tlsFailed)
        #expect(error.message.contains(flaw.words), "\(error)")
    }
}
