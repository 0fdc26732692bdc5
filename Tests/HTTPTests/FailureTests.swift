import ChildProcesses
import Foundation
import Glibc
import HTTP
import Testing

@Suite("Failures without an answer", .timeLimit(.minutes(1)))
struct FailureTests {
    @Test("a name that does not resolve is reported, and nothing was sent")
    func unknownName() async throws {
        // A label of 64 bytes fails in the resolver itself, whatever the network.
        let host = String(repeating: "a", count: 64) + ".invalid"
        try await withTransport(to: [host]) { transport in
            let error = await transport.failure(of: HTTPRequest(method: .post, url: "http://\(host)/"))
            #expect(error?.code == .nameNotResolved)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test("a refused connection is reported, and nothing was sent")
    func refusedConnection() async throws {
        let (socket, port) = try Loopback.listen(backlog: 1)
        close(socket)
        try await withTransport(to: ["127.0.0.1:\(port)"]) { transport in
            let error = await transport.failure(of: HTTPRequest(method: .post, url: "http://127.0.0.1:\(port)/"))
            #expect(error?.code == .cannotConnect)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test("a connection that is not established in time is reported, and nothing was sent")
    func connectTimeout() async throws {
        // The test accepts nothing, and the queue is full: the kernel drops further connections.
        let (listener, port) = try Loopback.listen(backlog: 0)
        let crowd = (0..<8).map { _ in Loopback.connect(to: port, isBlocking: false) }
        defer { for socket in crowd + [listener] { close(socket) } }
        try await withTransport(to: ["127.0.0.1:\(port)"]) {
            $0.connectTimeout = .milliseconds(200)
        } test: { transport in
            let error = await transport.failure(of: HTTPRequest(method: .post, url: "http://127.0.0.1:\(port)/"))
            #expect(error?.code == .cannotConnect)
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test(
        "a server that hangs in any part of its answer meets the time limit",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
    )
    func hang(beginning: String) async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(beginning)
            connection.waitForEnd()
        } test: { server, transport in
            let error = await transport.failure(of: server.get(timeout: .milliseconds(200)))
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveBeenSent == true)
        }
    }

    @Test("an answer that never stops meets the time limit")
    func endlessAnswer() async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
            // One byte for each of the client's: it sends none, so the kernel's buffer holds all that is written here.
            connection.write([UInt8](repeating: 0x61, count: 100_000))
            connection.waitForEnd()
        } test: { server, transport in
            let error = await transport.failure(of: server.get(timeout: .milliseconds(200)))
            #expect(error?.code == .timedOut)
        }
    }

    @Test("a connection without traffic is given up long before a generous time limit")
    func stall() async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            connection.waitForEnd()
        } configure: {
            $0.stallTimeout = .seconds(1)
        } test: { server, transport in
            let start = ContinuousClock.now
            let error = await transport.failure(of: server.get(timeout: .seconds(50)))
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveBeenSent == true)
            #expect(ContinuousClock.now - start < .seconds(25))
        }
    }

    @Test(
        "an answer that is cut off or missing is a lost connection",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            "garbage\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ]
    )
    func cutOff(answer: String) async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(answer)
        } test: { server, transport in
            let error = await transport.failure(of: server.post())
            #expect(error?.code == .connectionLost)
            #expect(error?.mayHaveBeenSent == true)
            #expect(server.requests.count == 1)
        }
    }

    @Test("a reset in mid-request is a lost connection, and no signal ends the process")
    func reset() async throws {
        try await withServer { connection in
            connection.waitForFirstByte()
            connection.reset()
        } test: { server, transport in
            let body = String(repeating: "x", count: 8 << 20)
            let error = await transport.failure(of: server.post(body))
            #expect(error?.code == .connectionLost)
        }
    }

    @Test("a body above the limit is refused, and one up to it is accepted", arguments: ["Content-Length: 1001\r\n", ""])
    func bodyLimit(length: String) async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\(length)\r\n" + String(repeating: "x", count: 1001))
        } test: { server, transport in
            let error = await transport.failure(of: server.get(maximumResponseBytes: 1000))
            #expect(error?.code == .responseTooLarge)
            #expect(error?.mayHaveBeenSent == true)
            let response = try await transport.send(server.get(maximumResponseBytes: 1001))
            #expect(response.body.count == 1001)
        }
    }

    @Test("a small answer that unpacks to a large one is cut at the limit")
    func packedBomb() async throws {
        let bomb = try gzip(zeros: 64 << 20)
        try #require(bomb.count < 1 << 20)
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
            connection.write(bomb)
            connection.waitForEnd()
        } test: { server, transport in
            let error = await transport.failure(of: server.get(maximumResponseBytes: 1 << 20))
            #expect(error?.code == .responseTooLarge)
        }
    }

    @Test("a packed answer is unpacked")
    func packedAnswer() async throws {
        let packed = try gzip(zeros: 5000)
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
            connection.write(packed)
        } test: { server, transport in
            let response = try await transport.send(server.get())
            #expect(response.body == [UInt8](repeating: 0, count: 5000))
        }
    }

    @Test("endless header lines are refused")
    func endlessHead() async throws {
        try await withServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(
                "HTTP/1.1 200 OK\r\n" + String(repeating: "X: \(String(repeating: "y", count: 1000))\r\n", count: 1000) + "\r\n"
            )
        } test: { server, transport in
            let error = await transport.failure(of: server.get())
            #expect(error?.code == .responseTooLarge)
        }
    }

    @Test("a failed exchange does not affect others")
    func neighbours() async throws {
        try await withServer { connection in
            while let request = connection.readRequest() {
                if request.requestLine.hasPrefix("GET /bad") { return connection.reset() }
                connection.answer(body: "good")
            }
        } test: { server, transport in
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let outcome = await transport.outcome(of: server.get(number.isMultiple(of: 2) ? "/bad" : "/good"))
                        return (try? outcome.get().text) == (number.isMultiple(of: 2) ? nil : "good")
                    }
                }
                for await isAsExpected in group { #expect(isAsExpected) }
            }
        }
    }

    private func gzip(zeros count: Int) throws -> [UInt8] {
        Array(try ChildProcess.run(["sh", "-c", "head -c \(count) /dev/zero | gzip -9"]).output)
    }
}
