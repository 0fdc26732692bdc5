package import HTTP
package import Logging
package import Metrics
import ServiceLifecycle
package import Telemetry

/// Sends spans to a collector, in batches, as OTLP over HTTP in JSON.
///
/// A batch leaves when it is full, or when its oldest span has waited for ``Configuration/scheduleDelay``. A batch that the collector does not
/// take is sent again for a while, then given up. Meanwhile others wait in a bounded queue, and jobs notice nothing. At the graceful
/// shutdown it sends what waits, within ``Configuration/flushTime``: list it before the services whose spans it exports, so that it ends
/// after them.
package final class TraceExporter: Service, SpanSink {
    package struct Configuration: Sendable {
        /// Where spans are sent: `https://collector.example/v1/traces`.
        package var url: String
        /// Headers for the collector's access control.
        package var headers: [HTTPHeader] = []
        /// The time limit of a request.
        package var timeout: Duration = .seconds(10)
        /// How long spans wait for others.
        package var scheduleDelay: Duration = .seconds(5)
        /// How long a batch is sent again. A pause that the collector asks for may last longer.
        package var exportTimeout: Duration = .seconds(30)
        package var batchSize = 512
        /// The most spans that wait.
        package var queueSize = 2048
        /// How long the shutdown may take.
        package var flushTime: Duration = .seconds(3)
        /// The attributes of the worker, in the order of the request.
        package var resource: [(name: String, value: String)] = []
        package var version = ""

        package init(url: String) { self.url = url }
    }

    private static let firstPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(10)

    private let transport: any HTTPTransport
    private let configuration: Configuration
    private let clock: any ExportClock
    private let log: Logger
    private let counts: Metered<SpanResult, Counter>
    private let queue: SpanQueue
    private let trouble = ExportTrouble()

    package init(
        _ configuration: Configuration,
        transport: any HTTPTransport,
        metrics: any MetricsFactory,
        log: Logger,
        clock: any ExportClock = SystemExportClock()
    ) {
        self.transport = transport
        self.configuration = configuration
        self.clock = clock
        self.log = log
        counts = Metered(.spans, to: metrics)
        queue = SpanQueue(limit: configuration.queueSize, dropped: counts[.dropped])
    }

    /// Registers the metrics of spans, which are 0 while traces are off.
    package static func declareMetrics(to metrics: any MetricsFactory) { _ = Metered<SpanResult, Counter>(.spans, to: metrics) }

    package func accept(_ span: SpanRecord) { queue.accept(span) }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.export() }
            group.addTask {
                try? await gracefulShutdown()
                try? await self.clock.sleep(for: self.configuration.flushTime)
            }
            // All is exported, or the time is over.
            await group.next()
            group.cancelAll()
        }
        queue.close()
    }

    /// Exports until the graceful shutdown, and then what still waits.
    private func export() async {
        while !Task.isCancelled {
            await waitForBatch()
            let batch = queue.take(atMost: configuration.batchSize)
            if batch.isEmpty, Task.isShuttingDownGracefully { return }
            if !batch.isEmpty { await export(batch) }
        }
    }

    /// Returns when a batch is full, or has waited long enough, or the worker shuts down.
    private func waitForBatch() async {
        let (queue, clock, delay, size) = (queue, clock, configuration.scheduleDelay, configuration.batchSize)
        await cancelWhenGracefulShutdown {
            await queue.wait(for: 1)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await clock.sleep(for: delay) }
                group.addTask { await queue.wait(for: size) }
                await group.next()
                group.cancelAll()
            }
        }
    }

    private func export(_ batch: [SpanRecord]) async {
        let body = TraceRequest.body(of: batch, resource: configuration.resource, scope: (TraceExporter.scope, configuration.version))
        let begun = clock.elapsed
        var pause = TraceExporter.firstPause
        while true {
            switch await send(body) {
            case .taken(let rejected):
                let rejected = min(rejected, batch.count)
                counts[.exported].increment(by: batch.count - rejected)
                counts[.failed].increment(by: rejected)
                return trouble.ended { self.log.notice("The collector takes spans again") }
            case .refused(let reason): return giveUp(batch, because: reason)
            case .again(let requested, let reason):
                let isTooLate = requested == nil && clock.elapsed - begun + pause > configuration.exportTimeout
                if isTooLate || Task.isCancelled || Task.isShuttingDownGracefully { return giveUp(batch, because: reason) }
                let delay = requested ?? pause
                pause = min(pause * 2, TraceExporter.longestPause)
                try? await cancelWhenGracefulShutdown { [clock] in try await clock.sleep(for: delay) }
            }
        }
    }

    private func send(_ body: [UInt8]) async -> CollectorAnswer {
        let request = HTTPRequest(
            method: .post,
            url: configuration.url,
            headers: [HTTPHeader("Content-Type", "application/json")] + configuration.headers,
            body: body,
            timeout: configuration.timeout,
            maximumResponseBytes: TraceExporter.answerBytes,
            // A span that arrives twice has one id.
            isRepeatable: true
        )
        do throws(HTTPError) { return CollectorAnswer(try await transport.send(request)) } catch { return CollectorAnswer(error) }
    }

    private func giveUp(_ batch: [SpanRecord], because reason: String) {
        counts[.failed].increment(by: batch.count)
        // Logged once, not for every batch.
        trouble.began {
            self.log.warning(
                "The collector takes no spans, which are lost until it does. Check OTEL_EXPORTER_OTLP_ENDPOINT and the collector",
                metadata: .keys([.reason: "\(reason)"])
            )
        }
    }

    /// The name of the program as the source of its spans.
    private static let scope = "autotask-worker"
    /// An answer is a few bytes.
    private static let answerBytes = 64 << 10
}

/// What became of a span.
enum SpanResult: String, MetricLabel {
    /// The collector took it.
    case exported
    /// Too many waited.
    case dropped
    /// The collector did not take it.
    case failed

    static var metricLabel: String { "result" }
}
