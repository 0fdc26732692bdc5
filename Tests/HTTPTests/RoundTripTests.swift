import Glibc
import HTTP
import Testing

@Suite("A round trip", .timeLimit(.minutes(1)))
struct RoundTripTests {
    @Test("returns status, headers in lower case and body")
    func answer() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil {
                connection.answer(418, headers: ["X-Mixed-Case:  two words \t", "Set-Cookie: a", "Set-Cookie: b", "Empty:"], body: "hello")
            }
        } test: { server, transport in
            let response = try await transport.send(server.get())
            #expect(response.status == 418)
            #expect(response.header("x-mixed-case") == "two words")
            #expect(response.headers.filter { $0.name == "set-cookie" }.map(\.value) == ["a", "b"])
            #expect(response.header("empty") == "")
            #expect(response.text == "hello")
            #expect(response.elapsed > .zero)
        }
    }

    @Test("sends only what the request and HTTP require", arguments: [HTTPRequest.Method.get, .post, .patch])
    func nothingAdded(method: HTTPRequest.Method) async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            let body = method == .get ? "" : #"{"id":1}"#
            _ = try await transport.send(HTTPRequest(method: method, url: server.url("/a?b=c%20d"), body: Array(body.utf8)))
            let request = try #require(server.requests.first)
            #expect(request.requestLine == "\(method.rawValue) /a?b=c%20d HTTP/1.1")
            #expect(request.headerNames == ["accept-encoding"] + (method == .get ? [] : ["content-length"]) + ["host"])
            #expect(request.body == Array(body.utf8))
        }
    }

    @Test("sends a POST without a body as one of length 0")
    func emptyBody() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            _ = try await transport.send(server.post(""))
            #expect(server.requests.first?.lines.contains(Array("Content-Length: 0".utf8)) == true)
        }
    }

    @Test("delivers every byte of a header's value unchanged")
    func exactHeaders() async throws {
        let values: [[UInt8]] = [
            Array(#"é:;%"\"#.utf8), Array(String(repeating: "x", count: 300).utf8), Array(0x80...0xFF), Array(0x01...0x08),
            Array("a , b;c=\"d\" #e".utf8), Array("Basic: dXNlcjpzZWNyZXQ=".utf8), Array("@file".utf8), [],
        ]
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            let headers = values.enumerated().map { HTTPHeader("X-Secret-\($0.offset)", bytes: $0.element) }
            let request = HTTPRequest(method: .post, url: server.url(), headers: headers + [HTTPHeader("Content-Type", "application/json")])
            _ = try await transport.send(request)
            let lines = try #require(server.requests.first).lines
            for (number, value) in values.enumerated() {
                let line = Array("X-Secret-\(number):".utf8) + (value.isEmpty ? [] : Array(" ".utf8) + value)
                #expect(lines.contains(line), "\(value)")
            }
            #expect(lines.contains(Array("Content-Type: application/json".utf8)))
        }
    }

    @Test("leaves nothing of one request in the next on the same connection")
    func nothingLeft() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            let secret = HTTPHeader("Secret", "one")
            _ = try await transport.send(HTTPRequest(method: .patch, url: server.url(), headers: [secret], body: [1, 2, 3]))
            _ = try await transport.send(server.get())
            _ = try await transport.send(server.post("x"))
            #expect(server.connectionCount == 1)
            #expect(server.requests.map(\.requestLine) == ["PATCH / HTTP/1.1", "GET / HTTP/1.1", "POST / HTTP/1.1"])
            #expect(server.requests.map(\.body) == [[1, 2, 3], [], Array("x".utf8)])
            #expect(server.requests[1].headerNames == ["accept-encoding", "host"])
            #expect(server.requests[2].headerNames == ["accept-encoding", "content-length", "host"])
        }
    }

    @Test("refuses headers that would mean something else to the server, before anything is sent")
    func refusedHeaders() async throws {
        let refused = [
            HTTPHeader("A", bytes: [0x0D]), HTTPHeader("A", bytes: [0x61, 0x0A, 0x62]), HTTPHeader("A", bytes: [0x61, 0x00]),
            HTTPHeader("A", "  \t"), HTTPHeader("A b", "c"), HTTPHeader("A:", "c"), HTTPHeader("", "c"), HTTPHeader("é", "c"),
            HTTPHeader("HOST", "evil.example"), HTTPHeader("Content-Length", "0"), HTTPHeader("transfer-encoding", "chunked"),
        ]
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            for header in refused {
                let error = await transport.failure(of: HTTPRequest(method: .get, url: server.url(), headers: [header]))
                #expect(error?.code == .notAllowed, "\(header)")
                #expect(error?.mayHaveBeenSent == false)
            }
            #expect(await transport.failure(of: HTTPRequest(method: .get, url: server.url(), body: [1]))?.code == .notAllowed)
            #expect(server.connectionCount == 0)
        }
    }

    @Test("refuses a host that is not allowed, before anything is sent")
    func refusedHost() async throws {
        let server = try ScriptedServer { _ in }
        defer { server.stop() }
        try await withTransport(to: []) { transport in
            #expect(await transport.failure(of: server.get())?.code == .notAllowed)
        }
        #expect(server.connectionCount == 0)
    }

    @Test("reports a redirect and does not follow it")
    func redirect() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer(302, headers: ["Location: /elsewhere"]) }
        } test: { server, transport in
            let response = try await transport.send(server.post())
            #expect(response.status == 302)
            #expect(response.header("location") == "/elsewhere")
            #expect(server.requests.count == 1)
        }
    }

    @Test("skips interim answers and trailers")
    func interimAnswers() async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 100 Continue\r\nX: interim\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: hint\r\n\r\n")
            connection.write("HTTP/1.1 200 OK\r\nX: final\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.write("3\r\nabc\r\n2\r\nde\r\n0\r\nX: trailer\r\n\r\n")
        } test: { server, transport in
            let response = try await transport.send(server.post())
            #expect(response.status == 200)
            #expect(response.headers.filter { $0.name == "x" }.map(\.value) == ["final"])
            #expect(response.text == "abcde")
        }
    }

    @Test("uses no proxy that only the environment names")
    func noProxyFromEnvironment() async {
        await #expect(processExitsWith: .success) {
            // A proxy on a port without a listener: a request through it gets no answer.
            for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] { setenv(name, "http://127.0.0.1:1", 1) }
            try await withServer { connection in
                while connection.readRequest() != nil { connection.answer() }
            } test: { server, transport in
                let response = try await transport.send(server.get())
                #expect(response.status == 200)
            }
        }
    }
}
