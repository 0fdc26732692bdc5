import ChildProcesses
import Foundation
import HTTP
import Synchronization
import Testing

/// A malicious server: the transport does nothing else that it asks for, and does not hold what it sends without end.
@Suite("A hostile server", .timeLimit(.minutes(1)))
struct HostileServerTests {
    /// A request of any method, with a secret.
    private func request(_ method: HTTPRequest.Method, _ server: ScriptedServer) -> HTTPRequest {
        HTTPRequest(
            method: method,
            url: server.url(),
            headers: [HTTPHeader("Secret", "s3cret")],
            body: method == .get ? [] : Array("{}".utf8)
        )
    }

    /// Returns the result of a request whose answer a script writes; limits are small, time is not.
    private func failure(
        timeout: Duration = .seconds(30),
        _ script: @escaping @Sendable (ServerConnection) -> Void
    ) async throws -> HTTPError? {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            script(connection)
        } test: { server, transport in
            await transport.failure(of: server.get(timeout: timeout, maximumResponseBytes: 1 << 20))
        }
    }

    // MARK: Its requests

    @Test(
        "cannot redirect a request: a redirect is an answer",
        arguments: [301, 302, 303, 307, 308],
        [HTTPRequest.Method.get, .post, .patch]
    )
    func redirect(status: Int, method: HTTPRequest.Method) async throws {
        let elsewhere = try ScriptedServer { connection in
            while connection.readRequest() != nil { connection.answer(body: "elsewhere") }
        }
        defer { elsewhere.stop() }
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer(status, headers: ["Location: \(elsewhere.url("/steal"))"]) }
        } configure: {
            $0.hosts = HostPolicy(additionalHosts: $0.hosts.additionalHosts.union([elsewhere.endpoint]))
        } test: { server, transport in
            let response = try await transport.send(request(method, server))
            #expect(response.status == status)
            #expect(server.requests.count == 1)
        }
        #expect(elsewhere.connectionCount == 0)
    }

    @Test("leaves nothing for the next request: no cookie, no other service, no other scheme")
    func memory() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil {
                connection.answer(headers: [
                    "Set-Cookie: tenant=one; Path=/; Max-Age=100000", "Set-Cookie2: tenant=one",
                    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
                    "Alt-Svc: h2=\"evil.example:443\"; ma=86400, h3=\":443\"", "Refresh: 0; url=https://evil.example/",
                    "Link: <https://evil.example/>; rel=next", "WWW-Authenticate: Negotiate", "WWW-Authenticate: Basic realm=x",
                    "Upgrade: h2c", "Proxy-Authenticate: Basic realm=x", "Content-Location: https://evil.example/",
                ])
            }
        } test: { server, transport in
            for _ in 1...3 { _ = try await transport.send(request(.get, server)) }
            let heads = server.requests.map(\.head)
            #expect(heads.count == 3)
            #expect(heads.allSatisfy { $0 == heads[0] })
        }
    }

    @Test("that asks for a password gets none, and is not asked again")
    func challenge() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer(401, headers: ["WWW-Authenticate: Basic realm=\"x\""]) }
        } test: { server, transport in
            let response = try await transport.send(request(.post, server))
            #expect(response.status == 401)
            #expect(server.requests.count == 1)
        }
    }

    // MARK: Its endless answers

    @Test("that announces a gibibyte is left before the first byte")
    func announcedGibibyte() async throws {
        let error = try await failure { connection in
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n")
            connection.waitForEnd()
        }
        #expect(error?.code == .responseTooLarge)
    }

    @Test("that sends without end is left at the limit", arguments: ["", "Transfer-Encoding: chunked\r\n"])
    func endlessBody(header: String) async throws {
        let sent = Mutex(0)
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\(header)\r\n")
            let block = [UInt8](repeating: 0x20, count: 1 << 16)
            let chunk = header.isEmpty ? block : Array("10000\r\n".utf8) + block + Array("\r\n".utf8)
            while connection.write(chunk) { sent.withLock { $0 += block.count } }
        } test: { server, transport in
            let error = await transport.failure(of: server.get(maximumResponseBytes: 1 << 20))
            #expect(error?.code == .responseTooLarge)
        }
        // The limit, plus the kernels' buffers.
        #expect(sent.withLock { $0 } < 32 << 20)
    }

    @Test(
        "with endless header lines is left: in one line, in many, before an interim answer, after a body",
        arguments: [
            ("HTTP/1.1 200 OK\r\nX: ", "y"),
            ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
            ("HTTP/1.1 200 OK\r\n", "X: y\r\n continued\r\n"),
            ("", "HTTP/1.1 100 Continue\r\n\r\n"),
            ("", "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "X-Trailer: y\r\n"),
        ]
    )
    func endlessHead(beginning: String, unit: String) async throws {
        let error = try await failure { connection in
            connection.write(beginning)
            connection.writeEndlessly(Array(String(repeating: unit, count: 4096 / unit.utf8.count).utf8))
        }
        #expect(error?.code == .responseTooLarge)
    }

    @Test(
        "whose chunks never end is left at the time limit at the latest",
        arguments: ["5;extension=", "00000000", "2\r\nok\r\n0\r\nX-Trailer: "]
    )
    func endlessChunk(beginning: String) async throws {
        let error = try await failure(timeout: .milliseconds(500)) { connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(beginning)")
            connection.writeEndlessly([UInt8](repeating: 0x30, count: 4096))
        }
        #expect([.timedOut, .connectionLost].contains(error?.code))
    }

    @Test(
        "that answers drop by drop meets the time limit, in any part of its answer",
        arguments: [
            ("HTTP/1.1 200 OK\r\nX: ", "y"), ("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", " "), ("HTTP/1.1 200 ", "K"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
        ]
    )
    func drip(beginning: String, byte: String) async throws {
        let error = try await failure(timeout: .milliseconds(300)) { connection in
            connection.write(beginning)
            connection.drip(Array(byte.utf8)[0])
        }
        #expect(error?.code == .timedOut || (byte == "0" && error?.code == .connectionLost))
    }

    @Test(
        "that packs its answer in layers is left at the limit, or when there are too many",
        arguments: [(2, HTTPError.Code.responseTooLarge), (50, .connectionLost)]
    )
    func layers(count: Int, code: HTTPError.Code) async throws {
        let bomb = try packed(mebibytes: 256)
        try #require(bomb.count < 1 << 14)
        let error = try await failure { connection in
            let encodings = Array(repeating: "gzip", count: count).joined(separator: ", ")
            connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: \(encodings)\r\nContent-Length: \(bomb.count)\r\n\r\n")
            connection.write(bomb)
            connection.waitForEnd()
        }
        #expect(error?.code == code)
    }

    /// Zeros, packed twice.
    private func packed(mebibytes: Int) throws -> [UInt8] {
        Array(try ChildProcess.run(["sh", "-c", "head -c \(mebibytes)M /dev/zero | gzip -9 | gzip -9"]).output)
    }

    // MARK: The end of its answer

    @Test(
        "cannot add a second answer for another request",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 200\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ]
    )
    func smuggling(answer: String) async throws {
        try await withServer { connection in
            guard connection.readRequest()?.requestLine == "GET /first HTTP/1.1" else { return connection.answer(body: "mine") }
            connection.write(answer + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            // Another request on this connection is never answered.
            _ = connection.readRequest()
        } test: { server, transport in
            let first = try await transport.send(server.get("/first"))
            #expect(["ok", ""].contains(first.text))
            #expect(try await transport.send(server.get("/second")).text == "mine")
            #expect(server.connectionCount == 2)
        }
    }

    @Test(
        "whose answer has no clear length has not answered",
        arguments: [
            "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 2\r\nContent-Length: 3",
            "Transfer-Encoding: gzip, unknown",
        ]
    )
    func length(header: String) async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\(header)\r\n\r\nok")
        } test: { server, transport in
            switch await transport.outcome(of: server.post()) {
            case .success(let response): Issue.record("\(response.text)")
            case .failure(let error):
                #expect([.connectionLost, .responseTooLarge, .unexpected].contains(error.code), "\(error)")
                #expect(error.mayHaveBeenSent)
            }
            #expect(server.requests.count == 1)
        }
    }
}
