import HTTP
import TLSPeers
import Testing

@Suite("Over TLS", .timeLimit(.minutes(2)))
struct TLSTests {
    @Test(
        "a server with a valid certificate is accepted, by name, by wildcard and by address",
        arguments: ["localhost", "webservices.autotask.net", "127.0.0.1"]
    )
    func trusted(host: String) async throws {
        let server = try TLSServer()
        defer { server.stop() }
        try await withTransport(to: ["\(host):\(server.port)"]) {
            $0.certificateAuthorityFile = server.authorityFile
            $0.addresses = ["\(host):\(server.port):127.0.0.1"]
        } test: { transport in
            let response = try await transport.send(HTTPRequest(method: .post, url: "https://\(host):\(server.port)/"))
            #expect(response.status == 200)
        }
    }

    @Test("a server that cannot prove its identity gets no request, and the error says why", arguments: Flaw.flaws)
    func refused(flaw: Flaw) async throws {
        let server = try TLSServer(flaw)
        defer { server.stop() }
        let endpoint = "\(flaw.host):\(server.port)"
        try await withTransport(to: [endpoint]) {
            $0.certificateAuthorityFile = server.authorityFile
            $0.addresses = ["\(endpoint):127.0.0.1"]
        } test: { transport in
            let error = try #require(await transport.failure(of: HTTPRequest(method: .post, url: "https://\(endpoint)/")))
            #expect(error.code == ([.oldProtocol, .olderProtocol].contains(flaw) ? .tlsFailed : .certificateRejected))
            #expect(!error.mayHaveBeenSent)
            #expect(error.message.contains(flaw.words), "\(error)")
        }
        #expect(server.stop() == 0)
    }

    @Test("a missing file of authorities is reported, and nothing is sent")
    func missingAuthorityFile() async throws {
        let server = try TLSServer()
        defer { server.stop() }
        try await withTransport(to: ["127.0.0.1:\(server.port)"]) {
            $0.certificateAuthorityFile = "/nonexistent/authority.pem"
        } test: { transport in
            let error = await transport.failure(of: HTTPRequest(method: .post, url: "https://127.0.0.1:\(server.port)/"))
            #expect(error?.code == .tlsFailed)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test("a write on a connection that the server has closed is not sent twice, and a read is answered")
    func closedWhileIdle() async throws {
        let server = try TLSServer()
        defer { server.stop() }
        let url = "https://127.0.0.1:\(server.port)/"
        try await withTransport(to: ["127.0.0.1:\(server.port)"]) {
            $0.certificateAuthorityFile = server.authorityFile
        } test: { transport in
            _ = try await transport.send(HTTPRequest(method: .get, url: url + "farewell"))
            // libcurl 7.88 sees the connection's end only after it has sent on it; later versions may see it earlier.
            let write = await transport.outcome(of: HTTPRequest(method: .post, url: url + "write"))
            var seen = 1
            switch write {
            case .success: seen += 1
            case .failure(let error):
                #expect(error.code == .connectionLost)
                #expect(error.mayHaveBeenSent)
            }
            let read = try await transport.send(HTTPRequest(method: .get, url: url + "farewell"))
            #expect(read.text == "\(seen + 1)")
            let fresh = try await transport.send(HTTPRequest(method: .get, url: url))
            #expect(fresh.text == "\(seen + 2)")
        }
    }
}
