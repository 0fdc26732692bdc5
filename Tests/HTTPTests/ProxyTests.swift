import HTTP
import TLSPeers
import Testing

@Suite("A configured proxy", .timeLimit(.minutes(1)))
struct ProxyTests {
    /// A proxy that connects to a port of this machine, whatever host is requested.
    private static func opening(_ port: Int) -> @Sendable (ServerConnection) -> Void {
        { connection in
            guard connection.readRequest()?.requestLine.hasPrefix("CONNECT ") == true else { return }
            connection.write("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
            connection.relay(to: port)
        }
    }

    private static func lines(_ request: ReceivedRequest?) -> [String] { request?.lines.map { String(decoding: $0, as: UTF8.self) } ?? [] }

    @Test("is asked for a tunnel, with its own password and without any header of the request")
    func connects() async throws {
        let target = try TLSServer()
        defer { target.stop() }
        let proxy = try ScriptedServer(ProxyTests.opening(target.port))
        defer { proxy.stop() }
        // The name does not resolve here: the proxy decides where it leads.
        try await withTransport(to: []) {
            $0.proxy = try? Proxy("http://us%40er:pa%3Ass@\(proxy.endpoint)")
            $0.certificateAuthorityFile = target.authorityFile
        } test: { transport in
            let request = HTTPRequest(method: .post, url: "https://webservices3.autotask.net/", headers: [HTTPHeader("Secret", "s3cret")])
            let response = try await transport.send(request)
            #expect(response.status == 200)
            #expect(response.header("X-Proxy") == nil)
        }
        let lines = ProxyTests.lines(proxy.requests.first)
        #expect(lines.first == "CONNECT webservices3.autotask.net:443 HTTP/1.1")
        // us@er:pa:ss
        #expect(lines.contains("Proxy-Authorization: Basic dXNAZXI6cGE6c3M="))
        #expect(!lines.contains { $0.lowercased().hasPrefix("secret") })
    }

    @Test("does not replace the server: the server's certificate is still verified", arguments: [Flaw.wrongHost, .selfSigned, .expired])
    func verifies(flaw: Flaw) async throws {
        let target = try TLSServer(flaw)
        defer { target.stop() }
        let proxy = try ScriptedServer(ProxyTests.opening(target.port))
        defer { proxy.stop() }
        try await withTransport(to: []) {
            $0.proxy = try? Proxy("http://\(proxy.endpoint)")
            $0.certificateAuthorityFile = target.authorityFile
        } test: { transport in
            let error = try #require(await transport.failure(of: HTTPRequest(method: .post, url: "https://webservices3.autotask.net/")))
            #expect(error.code == .certificateRejected)
            #expect(error.message.contains(flaw.words))
        }
        #expect(target.stop() == 0)
    }

    @Test("does not see plain HTTP either")
    func tunnelsPlain() async throws {
        let target = try ScriptedServer { connection in
            while connection.readRequest() != nil { connection.answer(body: "plain") }
        }
        defer { target.stop() }
        let proxy = try ScriptedServer(ProxyTests.opening(target.port))
        defer { proxy.stop() }
        try await withTransport(to: ["simulator.example"]) {
            $0.proxy = try? Proxy("http://\(proxy.endpoint)/")
        } test: { transport in
            let response = try await transport.send(HTTPRequest(method: .get, url: "http://simulator.example/"))
            #expect(response.text == "plain")
        }
        #expect(ProxyTests.lines(proxy.requests.first).first == "CONNECT simulator.example:80 HTTP/1.1")
    }

    @Test("that refuses is reported, and nothing was sent", arguments: [403, 407, 502])
    func refuses(status: Int) async throws {
        let proxy = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.answer(status, body: "no")
        }
        defer { proxy.stop() }
        try await withTransport(to: []) {
            $0.proxy = try? Proxy("http://\(proxy.endpoint)")
        } test: { transport in
            let error = try #require(await transport.failure(of: HTTPRequest(method: .post, url: "https://webservices3.autotask.net/")))
            #expect(error.code == .cannotConnect)
            #expect(!error.mayHaveBeenSent)
            #expect(error.message.contains("proxy"))
            #expect(error.message.contains("\(status)"))
        }
    }

    @Test("decides where names lead, but not which hosts are allowed")
    func keepsPolicy() async throws {
        let proxy = try ScriptedServer { _ in }
        defer { proxy.stop() }
        try await withTransport(to: []) {
            $0.proxy = try? Proxy("http://\(proxy.endpoint)")
        } test: { transport in
            let error = await transport.failure(of: HTTPRequest(method: .get, url: "https://evil.example/"))
            #expect(error?.code == .notAllowed)
        }
        #expect(proxy.connectionCount == 0)
    }

    @Test(
        "is only an address",
        arguments: [
            "", "proxy.example:3128", "https://proxy.example:3128", "socks5://proxy.example:1080", "http://proxy.example:3128/path",
            "http://proxy.example:3128/?query", "http://proxy.example:3128/#fragment", "http://", "http://proxy.example:70000",
            "http://proxy.example:3128 ", "http://user:secret@proxy.example:3128/x", "http://proxy.exämple:3128",
        ]
    )
    func malformed(text: String) {
        let error = #expect(throws: HTTPError.self) { try Proxy(text) }
        #expect(error?.code == .notAllowed)
        #expect(error?.message.contains("secret") == false)
    }

    @Test("does not reveal its password")
    func description() throws {
        #expect(try "\(Proxy("http://user:secret@proxy.example:3128"))" == "proxy.example:3128")
    }
}
