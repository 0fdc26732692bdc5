package import Logging
package import ServiceLifecycle
package import Store
package import Telemetry
package import Vault

/// The work from job queue to outbox: ``Intake`` accepts jobs, ``LaneRunner`` runs them, and ``Outbox`` publishes their events.
///
/// It depends on ports only: no broker, no database, no C. One engine is one worker.
package struct Engine: Sendable {
    private let intake: Intake
    let runner: LaneRunner
    let attempt: JobAttempt
    let transport: MeteredTransport
    private let checks: CheckSchedule
    private let outbox: OutboxService
    private let lease: WorkerLease
    private let retention: RetentionService
    private let operations: LetterOperationService
    private let lanes: WakeSignal
    let context: EngineContext

    package init(
        source: any JobSource,
        sink: any EventSink,
        store: any EngineStore,
        vault: Vault,
        autotask: AutotaskAccess,
        settings: EngineSettings,
        clock: any EngineClock = SystemClock(),
        entropy: any Entropy = SystemEntropy(),
        log: Logger,
        instruments: Instruments = .none
    ) {
        let context = EngineContext(
            vault: vault,
            settings: settings,
            sink: sink,
            worker: WorkerIdentity(WorkerID(entropy.eventID())),
            clock: clock,
            entropy: entropy,
            log: log,
            instruments: instruments
        )
        self.context = context
        let lanes = WakeSignal()
        self.lanes = lanes
        let due = WakeSignal()
        let outbox = Outbox(store, engine: context)
        // In the order of commits, across all lanes.
        store.observeEvents { outbox.offer($0) }
        store.observeSetAside { row in
            log.error(
                "A row of the store cannot be read; the worker set it aside with its integration. 'autotask-worker doctor' names it",
                metadata: .keys([.detail: "\(row)"])
            )
        }
        self.outbox = OutboxService(outbox: outbox)
        let ordered = WakeSignal()
        lease = WorkerLease(store: store, engine: context, outbox: outbox, lanes: lanes, retention: due, operations: ordered)
        retention = RetentionService(store: store, engine: context, due: due)
        operations = LetterOperationService(store: store, engine: context, due: ordered, lanes: lanes)
        transport = MeteredTransport(autotask.transport, clock: clock, to: instruments.metrics)
        var autotask = autotask
        autotask.transport = transport
        attempt = JobAttempt(store: store, engine: context, autotask: autotask, progress: ProgressSink(outbox: outbox, sink: sink))
        let slots = LaneSlots(line: lanes)
        runner = LaneRunner(store: store, engine: context, attempt: attempt, slots: slots)
        checks = CheckSchedule(store: store, engine: context, lanes: lanes)
        intake = Intake(source: source, store: store, engine: context, slots: slots)
    }

    /// Joins the store. Called once, before the services run.
    package func join() async throws(StoreError) {
        try await lease.join()
        attempt.breakers.honour(try await lease.store.barriers(at: context.now), at: context.now)
    }

    /// The settings in force.
    package var settings: EngineSettings { context.settings }

    /// Replaces the settings. Attempts that are under way end with those that they began with.
    package func adopt(_ settings: EngineSettings) {
        context.adopt(settings)
        // There may be more slots now.
        lanes.wake()
    }

    /// This worker's id at present: it gets a new one when it joins the store again.
    package var workerID: WorkerID { context.worker.current }

    /// Whether this worker's lease is still valid. Without it, the worker makes no call to Autotask.
    package var holdsLease: Bool { context.worker.holds(as: context.worker.current, at: context.now) }

    /// The number of pauses in force at the last claim.
    package var pauses: Int { runner.pausesInForce }

    /// The obstacles that keep events from being published.
    package var outboxObstacles: OutboxObstacles { outbox.outbox.obstacles }

    /// The services to run, each before those that need it. They shut down in reverse order: the lease outlives the lanes, and the outbox
    /// drains after the last job has ended.
    package var services: [any Service] { [outbox, lease, retention, operations, runner, checks, intake] }
}
