import Contract
import Foundation
import Logging
import ServiceLifecycleTestKit
import Synchronization
import Testing

@testable import Operations

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The answers of the operations server.
struct OperationsServerTests {
    @Test("Alive as long as it answers, ready as long as nothing fails; a warning is not a failure")
    func answers() async throws {
        let board = Board()
        try await serving(board) { url in
            #expect(try await get(url, "livez").status == 200)
            #expect(try await get(url, "readyz").status == 200)
            board.set(HealthReport([.init("store", .warn, "nearly full"), .init("jobs", "Consuming.")]))
            let warned = try await get(url, "readyz")
            #expect(warned.status == 200 && warned.body["status"] == "warn")
            board.set(HealthReport([.init("store", .fail, "The disk is full.", advice: "Free space."), .init("jobs", "Consuming.")]))
            let failed = try await get(url, "readyz")
            #expect(failed.status == 503)
            #expect(failed.type == "application/health+json")
            #expect(
                failed.body == [
                    "status": "fail",
                    "checks": [
                        "store": [["status": "fail", "output": "The disk is full.", "advice": "Free space."]],
                        "jobs": [["status": "pass", "output": "Consuming."]],
                    ],
                ]
            )
            #expect(try await get(url, "livez").status == 200)
            #expect(try await get(url, "elsewhere").status == 404)
        }
    }

    @Test(
        "An address is a host and a port",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:80", "::1", 80), (":9000", "0.0.0.0", 9000), ("localhost:0", "localhost", 0),
        ]
    )
    func address(_ text: String, _ host: String, _ port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.host == host && address.port == port)
    }

    @Test("Anything else is not an address", arguments: ["", "8080", "host", "host:", "host:x", "host:70000", "::1:80"])
    func noAddress(_ text: String) { #expect(ListenAddress(text) == nil) }

    // MARK: -

    private func serving(_ board: Board, _ body: @escaping @Sendable (URL) async throws -> Void) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let address = try #require(ListenAddress("127.0.0.1:0"))
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = OperationsServer(address: address, log: log, onListening: { port.yield($0) }, readiness: { board.report })
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup { group in
                group.addTask { try await server.run() }
                let number = await ports.first { _ in true }
                do { try await body(#require(URL(string: "http://127.0.0.1:\(number ?? 0)/"))) } catch {
                    trigger.triggerGracefulShutdown()
                    throw error
                }
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
    }

    private func get(_ url: URL, _ path: String) async throws -> (status: Int, type: String?, body: JSON) {
        let (data, response) = try await URLSession.shared.data(from: url.appending(path: path))
        let answer = try #require(response as? HTTPURLResponse)
        return (answer.statusCode, answer.value(forHTTPHeaderField: "Content-Type"), (try? JSON(parsing: Array(data))) ?? .null)
    }
}

/// The worker's health report.
private final class Board: Sendable {
    private let current = Mutex(HealthReport([]))

    var report: HealthReport { current.withLock { $0 } }

    func set(_ report: HealthReport) { current.withLock { $0 = report } }
}
