import Contract
package import Logging
package import ServiceLifecycle
package import Store
import Telemetry
package import Vault

/// The work, from the door to the outbox: what ``Intake`` takes in, ``LaneRunner`` runs, and ``Outbox`` tells.
///
/// It sees ports only: no broker, no database, no C. One engine is one worker.
package struct Engine: Sendable {
    private let intake: Intake
    private let runner: LaneRunner
    private let checks: CheckSchedule
    private let outbox: OutboxService
    private let lease: WorkerLease
    private let retention: RetentionService
    private let worker: WorkerIdentity
    private let clock: any EngineClock

    package init(
        source: any JobSource,
        sink: any EventSink,
        store: any EngineStore,
        vault: Vault,
        autotask: AutotaskAccess,
        settings: EngineSettings,
        clock: any EngineClock = SystemClock(),
        entropy: any Entropy = SystemEntropy(),
        log: Logger
    ) {
        let worker = WorkerIdentity(WorkerID(entropy.eventID()))
        self.worker = worker
        self.clock = clock
        let lanes = WakeSignal()
        let due = WakeSignal()
        let outbox = Outbox(store: store, sink: sink, worker: worker, limit: settings.eventLimit, clock: clock, log: log)
        // In the order of commits, whoever's they are.
        store.observeEvents { outbox.offer($0) }
        store.observeSetAside { row in
            log.error(
                "A row of the store cannot be read, and is set aside with its integration. `autotask-worker doctor` names it",
                metadata: .keys([.detail: "\(row)"])
            )
        }
        self.outbox = OutboxService(outbox: outbox)
        lease = WorkerLease(
            store: store,
            worker: worker,
            entropy: entropy,
            clock: clock,
            outbox: outbox,
            lanes: lanes,
            retention: due,
            log: log
        )
        retention = RetentionService(store: store, retention: settings.retention, clock: clock, due: due, log: log)
        runner = LaneRunner(
            store: store,
            worker: worker,
            attempt: JobAttempt(
                store: store,
                vault: vault,
                autotask: autotask,
                settings: settings,
                clock: clock,
                entropy: entropy,
                sink: ProgressSink(outbox: outbox, sink: sink),
                worker: worker,
                log: log
            ),
            settings: settings,
            clock: clock,
            entropy: entropy,
            signal: lanes,
            log: log
        )
        checks = CheckSchedule(
            settings: settings,
            store: store,
            worker: worker,
            clock: clock,
            entropy: entropy,
            lanes: lanes,
            log: log
        )
        intake = Intake(
            source: source,
            store: store,
            vault: vault,
            settings: settings,
            clock: clock,
            entropy: entropy,
            worker: worker,
            lanes: lanes,
            log: log
        )
    }

    /// Joins the store. Called once, before the services run.
    package func join() async throws(StoreError) { try await lease.join() }

    /// Whether what this worker holds is its own for now: without that it makes no call to Autotask.
    package var holdsLease: Bool { worker.holds(as: worker.current, at: clock.now) }

    /// What keeps events from being published.
    package var outboxObstacles: OutboxObstacles { outbox.outbox.obstacles }

    /// What has to run, each before those that need it: they are shut down in reverse. The lease outlives the lanes, and the outbox
    /// drains after the last job has ended.
    package var services: [any Service] { [outbox, lease, retention, runner, checks, intake] }
}
