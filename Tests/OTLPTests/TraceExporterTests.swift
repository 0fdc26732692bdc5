import HTTP
import Logging
import MetricsTestKit
import ServiceLifecycleTestKit
import Synchronization
import Telemetry
import Testing

@testable import OTLP

/// Batches, the bounded queue, repetition, and the shutdown.
@Suite(.timeLimit(.minutes(1)))
struct TraceExporterTests {
    private let clock = ManualExportClock()
    private let metrics = TestMetrics()

    private func exporter(
        to collector: ScriptedCollector,
        _ change: (inout TraceExporter.Configuration) -> Void = { _ in }
    ) -> TraceExporter {
        var configuration = TraceExporter.Configuration(url: "http://collector:4318/v1/traces")
        configuration.headers = [HTTPHeader("authorization", "Bearer x")]
        change(&configuration)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return TraceExporter(configuration, transport: collector, metrics: metrics, log: log, clock: clock)
    }

    private func count(_ result: SpanResult) -> Int64 {
        metrics.counterTotal(label: MetricName.spans.rawValue, dimensions: [("result", result.rawValue)])
    }

    /// Runs the exporter while `body` runs, and shuts it down.
    private func run(_ exporter: TraceExporter, _ body: @Sendable () async -> Void) async throws {
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await exporter.run() }
                await body()
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
    }

    @Test func `spans leave together when the first has waited long enough`() async throws {
        let collector = ScriptedCollector()
        let exporter = exporter(to: collector)
        try await run(exporter) { [clock] in
            for id in 1...3 { exporter.accept(.sample(UInt64(id))) }
            await clock.pass(.seconds(5))
            await collector.awaitRequests(1)
        }
        #expect(collector.batches == [["0000000000000001", "0000000000000002", "0000000000000003"]])
        let request = try #require(collector.requests.first)
        #expect(request.method == .post && request.url == "http://collector:4318/v1/traces" && request.timeout == .seconds(10))
        #expect(request.headers.map(\.name) == ["Content-Type", "authorization"])
        #expect(count(.exported) == 3 && count(.failed) == 0 && count(.dropped) == 0)
    }

    @Test func `a full batch leaves at once`() async throws {
        let collector = ScriptedCollector()
        let exporter = exporter(to: collector) { $0.batchSize = 2 }
        try await run(exporter) {
            for id in 1...4 { exporter.accept(.sample(UInt64(id))) }
            await collector.awaitRequests(2)
        }
        #expect(collector.batches.map(\.count) == [2, 2])
    }

    @Test func `spans for which there is no place are dropped, and nobody waits`() async throws {
        let collector = ScriptedCollector(.silence)
        let exporter = exporter(to: collector) {
            $0.batchSize = 1
            $0.queueSize = 2
            $0.flushTime = .seconds(3)
        }
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await exporter.run() }
                exporter.accept(.sample(1))
                await collector.awaitRequests(1)
                for id in 2...9 { exporter.accept(.sample(UInt64(id))) }
                #expect(count(.dropped) == 6)
                trigger.triggerGracefulShutdown()
                await clock.pass(.seconds(3))
                try await group.waitForAll()
            }
        }
        // One was under way, two waited.
        #expect(count(.failed) == 1 && count(.dropped) == 8 && count(.exported) == 0)
        exporter.accept(.sample(10))
        #expect(count(.dropped) == 9)
    }

    @Test func `a batch is sent again with growing pauses, or after the time that the collector names`() async throws {
        let collector = ScriptedCollector(.status(503), .failure(.cannotConnect), .status(429, headers: ["Retry-After": "40"]))
        let exporter = exporter(to: collector) { $0.batchSize = 1 }
        try await run(exporter) { [clock] in
            exporter.accept(.sample(1))
            await collector.awaitRequests(1)
            await clock.pass(.seconds(1))
            await collector.awaitRequests(2)
            await clock.pass(.seconds(2))
            await collector.awaitRequests(3)
            // Longer than batches are sent again otherwise: it is the collector's wish.
            await clock.pass(.seconds(40))
            await collector.awaitRequests(4)
        }
        #expect(Set(collector.batches) == [["0000000000000001"]] && collector.requests.count == 4)
        #expect(count(.exported) == 1 && count(.failed) == 0)
    }

    @Test func `a batch that the collector does not take in time is given up, and the next one is tried`() async throws {
        let collector = ScriptedCollector(.status(503), .status(503), .status(503))
        let exporter = exporter(to: collector) {
            $0.batchSize = 1
            $0.exportTimeout = .seconds(5)
        }
        try await run(exporter) { [clock] in
            exporter.accept(.sample(1))
            await clock.pass(.seconds(1))
            await clock.pass(.seconds(2))
            await collector.awaitRequests(3)
            exporter.accept(.sample(2))
            await collector.awaitRequests(4)
        }
        #expect(collector.batches == [["0000000000000001"], ["0000000000000001"], ["0000000000000001"], ["0000000000000002"]])
        #expect(count(.failed) == 1 && count(.exported) == 1)
    }

    @Test func `spans that the collector refuses or leaves out count as failed`() async throws {
        let collector = ScriptedCollector(.status(400), .status(200, body: #"{"partialSuccess": {"rejectedSpans": "1"}}"#))
        let exporter = exporter(to: collector) { $0.batchSize = 2 }
        try await run(exporter) {
            for id in 1...4 { exporter.accept(.sample(UInt64(id))) }
            await collector.awaitRequests(2)
        }
        #expect(count(.failed) == 3 && count(.exported) == 1)
    }

    @Test(arguments: [200, 503])
    func `the shutdown sends what waits, once`(status: Int) async throws {
        let collector = ScriptedCollector(.status(status))
        let exporter = exporter(to: collector)
        for id in 1...3 { exporter.accept(.sample(UInt64(id))) }
        // No time passes, and the batch is not full.
        try await run(exporter) {}
        #expect(collector.batches == [["0000000000000001", "0000000000000002", "0000000000000003"]])
        #expect(count(.exported) == (status == 200 ? 3 : 0) && count(.failed) == (status == 200 ? 0 : 3))
    }

    @Test func `a batch that waits to be sent again is sent at the shutdown`() async throws {
        let collector = ScriptedCollector(.status(503))
        let exporter = exporter(to: collector) { $0.batchSize = 1 }
        try await run(exporter) { [clock] in
            exporter.accept(.sample(1))
            await clock.untilSomebodySleeps(for: .seconds(1))
        }
        #expect(collector.requests.count == 2 && count(.exported) == 1 && count(.failed) == 0)
    }
}
