import AMQP
import Engine
import Glibc
import HTTP
import Logging
import Metrics
import OTLP
import Operations
import SQLiteStore
import Secrets
import ServiceLifecycle
import Store
import Telemetry
import UnixSignals
import Vault

/// The composition root: builds the worker from its settings, and runs it until it is shut down.
struct Worker {
    private let settings: Configuration
    /// The path of the settings file, if there is one.
    private let file: String?
    private let stream: LogStream
    private let log: Logger
    private let registry = PrometheusRegistry()

    init(_ settings: Configuration, file: String?) throws {
        self.settings = settings
        self.file = file
        let stream = try LogStream(STDERR_FILENO, as: try settings.logFormat)
        stream.level = try settings.logLevel
        self.stream = stream
        stream.becomeCurrent()
        MetricsSystem.bootstrap(registry)
        let lines = Metered<Logger.Level, Counter>(.logLines, to: registry)
        LoggingSystem.bootstrap { WorkerLogHandler($0, to: stream, counting: lines) }
        log = Logger(label: "autotask-worker")
    }

    func run() async throws {
        // A write to a closed connection fails with an error instead of a signal.
        signal(SIGPIPE, SIG_IGN)
        ReloadSignals.ignoreUntilTrapped()
        Worker.raiseDescriptorLimit()
        for obstacle in Launch.current.obstacles {
            log.warning("A protection of the process is not in force", metadata: .keys([.error: "\(obstacle)"]))
        }
        let engineSettings = try settings.engine
        let shutdownTime = try settings.shutdownSeconds
        let operationsAddress = try settings.operationsListen
        // Checked before it takes anything from the broker: a second worker on one port is a mistake.
        if let operationsAddress, let obstacle = operationsAddress.obstacle { throw Worker.cannotListen(settings, obstacle) }
        if try settings.development { log.warning("DEVELOPMENT=1: clear credentials and any publisher are accepted") }
        if settings.autotaskIntegrationCode == nil {
            log.warning("AUTOTASK_INTEGRATION_CODE is not set: only tenants that bring their own tracking identifier can connect")
        }

        TraceExporter.declareMetrics(to: registry)
        let traces = try Traces(settings, metrics: registry, log: log)
        traces?.becomeCurrent()
        let instruments = Instruments(metrics: registry, tracer: traces?.tracer)
        let broker = Broker(settings: settings)
        try await broker.checkTopology(log: log)
        let paired = try await PairedStore(
            settings,
            mayCreate: try settings.storeCreate,
            isWorker: true,
            remembers: true,
            instruments: instruments
        )
        let (store, vault) = (paired.store, paired.vault)
        let transport = try openTransport(log: log, pulse: instruments.pulses[.http])
        let publisher = try broker.publisher(log: log, instruments: instruments)
        let consumer = try broker.consumer(log: log, instruments: instruments)

        let engine = Engine(
            source: AMQPJobSource(consumer: consumer, queues: settings.jobQueues, metrics: registry),
            sink: AMQPEventSink(publisher: publisher, exchange: broker.resultsExchange, user: try broker.user, metrics: registry),
            store: store,
            vault: vault,
            autotask: AutotaskAccess(
                transport: transport,
                lookupURL: settings.autotaskURL,
                integrationCode: SecretReference(copying: Array((settings.autotaskIntegrationCode ?? "").utf8).span),
                hosts: HostPolicy(additionalHosts: settings.allowedHosts)
            ),
            settings: engineSettings,
            log: log,
            instruments: instruments
        )
        do { try await engine.join() } catch { throw Failure(.unavailable, "The store refuses this worker: \(error.message)") }
        let storePath = try settings.storePath
        let running = RunningSettings(settings, file: file, at: SystemTime.now)
        let record = SettingsRecord(of: "\(engine.workerID)", at: storePath)
        defer { record.remove() }
        SettingsRecord.removeLeft(at: storePath)
        record.write(running, log: log)
        let reloads = ReloadSignals(settings: running, engine: engine, store: store, stream: stream, record: record, log: log)
        let signals = TerminationSignals(log: log) { [log, settings] in
            log.info("Worker starts", metadata: .keys([.store: "\(storePath)", .queue: "\(settings.jobQueues.joined(separator: ","))"]))
        }

        // Services shut down in reverse order: intake ends, running jobs end, their events are published, and only then connections close.
        // The group's own messages are not logged: the services log the same more clearly.
        var groupLog = log
        groupLog.logLevel = max(log.logLevel, .warning)
        let ownClock = SystemClock()
        let clock = ClockWatch(log: log) { ownClock.lag }
        // The last spans are those of the shutdown itself.
        var services: [any Service] = traces.map { [$0.exporter] } ?? []
        services += [clock, signals, reloads, transport, publisher, KeyRingWatch(vault: vault, log: log)] + engine.services + [consumer]
        let liveness: @Sendable () -> HealthReport = { Liveness(pulses: instruments.pulses).report }
        let readiness: @Sendable () -> HealthReport = {
            Readiness(store: store, path: storePath, engine: engine, publisher: publisher, consumer: consumer, clock: clock).report
        }
        if let manager = ServiceManager(liveness: liveness, readiness: readiness) { services.append(manager) }
        let figures = StoreFigureReader(path: storePath)
        if let operationsAddress {
            let gauges = WorkerGauges(
                engine: engine,
                settings: running,
                store: store,
                vault: vault,
                figures: figures,
                transport: transport,
                publisher: publisher,
                consumer: consumer,
                pulses: instruments.pulses,
                gauges: Gauges(registry)
            )
            registry.beforeScrape { await gauges.set() }
            services.append(
                OperationsServer(
                    address: operationsAddress,
                    log: log,
                    onListening: { log.info("Answering /livez, /readyz and /metrics", metadata: .keys([.port: "\($0)"])) },
                    metrics: registry,
                    liveness: liveness,
                    readiness: readiness
                )
            )
        }
        var configuration = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: groupLog)
        // Running jobs have two thirds of the time to end; then they are cancelled and put back.
        configuration.maximumGracefulShutdownDuration = shutdownTime * 2 / 3
        configuration.maximumCancellationDuration = shutdownTime / 3
        do { try await ServiceGroup(configuration: configuration).run() } catch let error as StoreError {
            figures.close()
            await store.close()
            throw Failure(.unavailable, "The worker ends. \(error.message)")
        } catch {
            // Another process may have taken the address since the check.
            if let obstacle = operationsAddress?.obstacle { throw Worker.cannotListen(settings, obstacle) }
            throw error
        }
        // With another connection open, SQLite would leave its log beside the file.
        figures.close()
        await store.close()
        log.info("Worker ended")
    }

    private static func cannotListen(_ settings: Configuration, _ obstacle: String) -> Failure {
        Failure(
            .unavailable,
            "The worker cannot listen at \(settings.entry(\.operationsListen).text ?? "") (OPERATIONS_LISTEN): \(obstacle).",
            hint: "Give each worker on a machine its own port, or use port 0 to let the system choose one."
        )
    }

    /// Raises the limit of file descriptors as far as the system allows: each call in flight needs one.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func openTransport(log: Logger, pulse: Pulse) throws -> CurlTransport {
        let configuration = try settings.autotaskTransport
        do { return try CurlTransport(configuration: configuration, logger: log, pulse: pulse) } catch {
            throw Failure(.unavailable, "libcurl cannot be used: \(error)")
        }
    }
}
