import HTTP
import Synchronization
import TLSPeers
import Testing

/// The names are Autotask's, the test gives libcurl their addresses, and everything else is real.
@Suite("A host whose name leads to a private address", .timeLimit(.minutes(1)))
struct PrivateAddressTests {
    private static let host = "webservices7.autotask.net"

    /// Sends a request with a secret to Autotask's own port, and returns its failure.
    private func failure(leadingTo addresses: String) async throws -> HTTPError {
        try await withTransport(to: []) {
            $0.addresses = ["\(PrivateAddressTests.host):443:\(addresses)"]
            $0.connectTimeout = .seconds(5)
        } test: { transport in
            let request = HTTPRequest(
                method: .post,
                url: "https://\(PrivateAddressTests.host)/",
                headers: [HTTPHeader("Secret", "s3cret")]
            )
            return try #require(await transport.failure(of: request))
        }
    }

    @Test(
        "is not connected to, and the error says so",
        arguments: [
            "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
            "255.255.255.255", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:10.1.2.3]", "[fe80::1]", "[fd00::1]", "[ff02::1]",
            "[64:ff9b::7f00:1]", "127.0.0.1,10.0.0.1,[::1]",
        ]
    )
    func refused(addresses: String) async throws {
        let error = try await failure(leadingTo: addresses)
        #expect(error.code == .addressNotPublic)
        #expect(!error.mayHaveBeenSent)
        #expect(error.message.contains(PrivateAddressTests.host))
        #expect(error.message.contains("AUTOTASK_ALLOWED_HOSTS"))
    }

    @Test("is connected to if the operator listed it: a simulator, or the operator's own proxy")
    func listed() async throws {
        let server = try TLSServer()
        defer { server.stop() }
        let endpoint = "\(PrivateAddressTests.host):\(server.port)"
        try await withTransport(to: [endpoint]) {
            $0.addresses = ["\(endpoint):127.0.0.1"]
            $0.certificateAuthorityFile = server.authorityFile
        } test: { transport in
            let response = try await transport.send(HTTPRequest(method: .get, url: "https://\(endpoint)/"))
            #expect(response.status == 200)
        }
    }

    @Test("is checked again for each connection: a listed host opens no other")
    func neighbour() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } configure: {
            $0.addresses = ["\(PrivateAddressTests.host):443:127.0.0.1"]
        } test: { server, transport in
            _ = try await transport.send(server.get())
            let error = await transport.failure(of: HTTPRequest(method: .get, url: "https://\(PrivateAddressTests.host)/"))
            #expect(error?.code == .addressNotPublic)
            _ = try await transport.send(server.get())
        }
    }
}
