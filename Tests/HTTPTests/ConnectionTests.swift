import HTTP
import Testing

@Suite("A kept connection", .timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test("is used again")
    func reuse() async throws {
        try await withServer { connection in
            while connection.readRequest() != nil { connection.answer() }
        } test: { server, transport in
            for _ in 0..<20 { _ = try await transport.send(server.post()) }
            #expect(server.connectionCount == 1)
            #expect(server.requests.count == 20)
        }
    }

    @Test("is not used again once the server has closed it, and no request suffers")
    func closedWhileIdle() async throws {
        let isClosed = Latch()
        try await withServer { connection in
            if connection.number > 1 {
                while connection.readRequest() != nil { connection.answer() }
            } else if connection.readRequest() != nil {
                connection.answer()
                connection.close()
                isClosed.arrive()
            }
        } test: { server, transport in
            _ = try await transport.send(server.post())
            await isClosed.wait()
            let response = try await transport.send(server.post())
            #expect(response.status == 200)
            #expect(server.requests.count == 2)
            #expect(server.connectionCount == 2)
        }
    }

    /// Answers the first request of a connection; reads the second, and closes like a server that died during it.
    private static let diesOverTheSecond: @Sendable (ServerConnection) -> Void = { connection in
        guard connection.readRequest() != nil else { return }
        connection.answer(body: "answered")
        guard connection.number == 1 else { return connection.waitForEnd() }
        _ = connection.readRequest()
    }

    @Test("that ends during a write allows no repetition: it may have taken effect", arguments: [HTTPRequest.Method.post, .patch])
    func writeIsSentOnce(method: HTTPRequest.Method) async throws {
        try await withServer(ConnectionTests.diesOverTheSecond) { server, transport in
            _ = try await transport.send(server.get())
            let error = await transport.failure(of: HTTPRequest(method: method, url: server.url(), body: Array("{}".utf8)))
            #expect(error?.code == .connectionLost)
            #expect(error?.mayHaveBeenSent == true)
            #expect(server.requests.map(\.requestLine) == ["GET / HTTP/1.1", "\(method.rawValue) / HTTP/1.1"])
            // The transfer that was broken off serves the next request like any other.
            let response = try await transport.send(server.get())
            #expect(response.status == 200)
        }
    }

    @Test("that ends during a read allows a repetition", arguments: [HTTPRequest.Method.get, .post])
    func readIsRepeated(method: HTTPRequest.Method) async throws {
        try await withServer(ConnectionTests.diesOverTheSecond) { server, transport in
            _ = try await transport.send(server.get("/first"))
            let response = try await transport.send(HTTPRequest(method: method, url: server.url("/read"), isRepeatable: true))
            #expect(response.text == "answered")
            #expect(server.requests.count == 3)
        }
    }

    @Test("that ends during a read costs it nothing, however many have ended before")
    func repeatedEnds() async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.answer(body: "answered")
            _ = connection.readRequest()
        } test: { server, transport in
            // One request at a time, so that all are sent on one transfer.
            for number in 1...20 {
                let response = try await transport.send(HTTPRequest(method: .post, url: server.url("/\(number)"), isRepeatable: true))
                #expect(response.text == "answered")
            }
            #expect(server.requests.count == 39)
        }
    }

    @Test("that ends during a read is replaced by a new one, not by others that have ended too")
    func manyDeadConnections() async throws {
        let count = 16
        let allArrived = Latch(count: count)
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            if connection.number <= count {
                allArrived.arrive()
                // All connections are open together, and all are kept.
                allArrived.block()
                connection.answer()
                _ = connection.readRequest()
            } else {
                connection.answer(body: "answered")
                connection.waitForEnd()
            }
        } test: { server, transport in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count { group.addTask { _ = try await transport.send(server.get("/\(number)", timeout: .seconds(50))) } }
                try await group.waitForAll()
            }
            let response = try await transport.send(HTTPRequest(method: .post, url: server.url("/read"), isRepeatable: true))
            #expect(response.text == "answered")
            #expect(server.requests.count == count + 2)
        }
    }

    @Test("is required for a repetition: the end of a new one causes none")
    func freshConnection() async throws {
        try await withServer { connection in
            _ = connection.readRequest()
        } test: { server, transport in
            let error = await transport.failure(of: server.get())
            #expect(error?.code == .connectionLost)
            #expect(server.requests.count == 1)
        }
    }

    @Test("serves thousands of requests at once")
    func thousands() async throws {
        let count = 2000
        let allArrived = Latch(count: count)
        try await withServer { connection in
            guard let request = connection.readRequest() else { return }
            allArrived.arrive()
            // No request is answered before all have arrived: so all are in flight together.
            allArrived.block()
            connection.answer(body: request.requestLine)
            connection.waitForEnd()
        } test: { server, transport in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let response = try await transport.send(server.get("/\(number)", timeout: .seconds(50)))
                        #expect(response.text == "GET /\(number) HTTP/1.1")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connectionCount == count)
        }
    }
}
