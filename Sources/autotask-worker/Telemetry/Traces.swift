import FoundationEssentials
import HTTP
import Instrumentation
import Logging
import Metrics
import OTLP
import Telemetry

/// The worker's traces: spans, and the way to the collector.
struct Traces {
    let tracer: WorkerTracer
    let exporter: TraceExporter

    /// - Returns: `nil` if traces are off.
    init?(_ settings: Configuration, metrics: any MetricsFactory, log: Logger) throws {
        guard let traces = try TraceSettings(settings, instance: UUID().uuidString.lowercased()) else { return nil }
        let transport: CurlTransport
        do { transport = try CurlTransport(configuration: traces.transport, logger: log) } catch {
            throw Failure(.unavailable, "libcurl cannot be used for traces: \(error)", hint: "Check OTEL_EXPORTER_OTLP_CERTIFICATE.")
        }
        exporter = TraceExporter(traces.exporter, transport: transport, metrics: metrics, log: log)
        tracer = WorkerTracer(sampler: traces.sampler, sink: exporter)
        log.info("Sending traces", metadata: .keys([.host: "\(traces.collector)"]))
    }

    /// Lets the spans of libraries join. Once in a process.
    func becomeCurrent() { InstrumentationSystem.bootstrap(tracer) }
}

/// What traces need, read from the settings.
struct TraceSettings {
    let exporter: TraceExporter.Configuration
    let transport: CurlTransport.Configuration
    let sampler: Sampler
    /// The collector's `host:port`.
    let collector: String

    /// - Parameters:
    ///   - settings: the settings of the worker.
    ///   - instance: an id of this process.
    /// - Returns: `nil` if traces are off: no collector is named, or `OTEL_SDK_DISABLED` is set.
    init?(_ settings: Configuration, instance: String) throws(Failure) {
        guard try !settings.otelDisabled, let url = try TraceSettings.url(settings) else { return nil }
        var exporter = TraceExporter.Configuration(url: url)
        let (headers, timeout) = (try settings.otelHeaders, try settings.otelTimeout)
        exporter.headers = try settings.otelTracesHeaders ?? headers ?? []
        exporter.timeout = try settings.otelTracesTimeout ?? timeout
        exporter.scheduleDelay = try settings.otelScheduleDelay
        exporter.exportTimeout = try settings.otelExportTimeout
        exporter.queueSize = try settings.otelQueueSize
        exporter.batchSize = min(try settings.otelBatchSize, exporter.queueSize)
        // Jobs and events have the rest of the time.
        exporter.flushTime = try settings.shutdownSeconds / 10
        exporter.resource = try TraceSettings.resource(settings, instance)
        exporter.version = Version.number
        self.exporter = exporter
        sampler = try settings.otelSampler.sampler(ratio: try settings.otelSamplerArgument)
        do throws(HTTPError) {
            let hosts = try HostPolicy(onlyOf: url)
            var transport = CurlTransport.Configuration(hosts: hosts)
            transport.certificateAuthorityFile = settings.otelCertificate
            self.transport = transport
            collector = try hosts.check(url).endpoint
        } catch {
            throw Failure(.usage, "The collector's URL cannot be used: \(error.message)", hint: "Check OTEL_EXPORTER_OTLP_ENDPOINT.")
        }
    }

    private static func url(_ settings: Configuration) throws(Failure) -> String? {
        if let url = try settings.otelTracesEndpoint { return url }
        guard var base = try settings.otelEndpoint else { return nil }
        while base.hasSuffix("/") { base.removeLast() }
        return base + "/v1/traces"
    }

    /// The attributes of this process. The operator's come before the worker's own, and `OTEL_SERVICE_NAME` before both.
    private static func resource(_ settings: Configuration, _ instance: String) throws(Failure) -> [(name: String, value: String)] {
        var given = (try settings.otelResourceAttributes ?? []).map { (name: $0.name, value: $0.value) }
        if let name = settings.otelServiceName {
            given.removeAll { $0.name == "service.name" }
            given.insert(("service.name", name), at: 0)
        }
        let own = [
            ("service.name", "autotask-worker"), ("service.version", Version.number), ("service.instance.id", instance),
            ("telemetry.sdk.name", "autotask-worker"), ("telemetry.sdk.language", "swift"), ("telemetry.sdk.version", Version.number),
        ]
        return given + own.filter { own in !given.contains { $0.name == own.0 } }
    }
}
