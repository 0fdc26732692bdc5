import Contract
import Foundation
import Logging
import ServiceLifecycleTestKit
import Synchronization
import Telemetry
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

    @Test("Not alive once a loop stands still, whether or not it is ready")
    func liveness() async throws {
        let board = Board()
        try await serving(board) { url in
            board.liveness = HealthReport([.fail("store_writer", "It has not turned for 61 s.")])
            let answer = try await get(url, "livez")
            #expect(answer.status == 503 && answer.body["checks"]?["store_writer"]?.array?.count == 1)
            #expect(try await get(url, "readyz").status == 200)
        }
    }

    @Test("Metrics are read as text, after the gauges were set")
    func metrics() async throws {
        let board = Board()
        let gauges = Gauges(board.registry)
        board.registry.beforeScrape { gauges.set(.jobsRunning, 3) }
        try await serving(board) { url in
            let (data, response) = try await URLSession.shared.data(from: url.appending(path: "metrics"))
            let type = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Content-Type")
            #expect(type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(String(decoding: data, as: UTF8.self).contains("\nautotask_worker_jobs_running 3\n"))
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
        let server = OperationsServer(
            address: address,
            log: log,
            onListening: { port.yield($0) },
            metrics: board.registry,
            liveness: { board.liveness },
            readiness: { board.report }
        )
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

/// The worker's health reports, and its metrics.
private final class Board: Sendable {
    let registry = PrometheusRegistry()
    private let current = Mutex(HealthReport([]))
    private let alive = Mutex(HealthReport([]))

    var liveness: HealthReport {
        get { alive.withLock { $0 } }
        set { alive.withLock { $0 = newValue } }
    }

    var report: HealthReport { current.withLock { $0 } }

    func set(_ report: HealthReport) { current.withLock { $0 = report } }
}
