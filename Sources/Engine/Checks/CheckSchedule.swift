import Contract
import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Has connections verified and drift looked for, from time to time and without a portal asking: so that a connection that was lost, and an edit
/// in Autotask, are noticed before their user does (`Rules` A17; for edits `Rules`, "What Autotask imposes").
///
/// The moments are the store's, so that they outlive the worker, and of a fleet one makes each check. It enters only as many at a time as
/// ``limit`` allows, whatever is due: a worker that comes back after a long while does not meet every tenant's Autotask at once.
struct CheckSchedule: Service {
    /// Checks that wait or run at a time, over all lanes of the store.
    static let limit = 50
    /// How long after one look at what is due the next is taken, unless the intervals are shorter than one would think.
    private static let pause: Duration = .seconds(30)
    private static let shortestPause: Duration = .seconds(1)

    private let checks: [CheckRound.Check]
    private let store: any ScheduledChecks
    private let worker: WorkerIdentity
    private let clock: any EngineClock
    private let entropy: any Entropy
    private let lanes: WakeSignal
    private let log: Logger

    /// - Parameter lanes: woken when there is something to claim.
    init(
        settings: EngineSettings,
        store: any ScheduledChecks,
        worker: WorkerIdentity,
        clock: any EngineClock,
        entropy: any Entropy,
        lanes: WakeSignal,
        log: Logger
    ) {
        checks = [(JobKind.verify, settings.verifyInterval), (.drift, settings.driftInterval)].compactMap { kind, interval in
            interval.map { CheckRound.Check(kind, every: $0) }
        }
        self.store = store
        self.worker = worker
        self.clock = clock
        self.entropy = entropy
        self.lanes = lanes
        self.log = log
    }

    func run() async throws {
        guard let shortest = checks.map(\.interval).min() else { return await ShutdownSignal.wait() }
        let pause = max(CheckSchedule.shortestPause, min(CheckSchedule.pause, shortest / 4))
        while !Task.isCancelled, !ShutdownSignal.wasGiven {
            await enterDue()
            await clock.sleepUnlessShutDown(until: clock.now + pause)
        }
    }

    /// Enters what is due now.
    func enterDue() async {
        let now = clock.now
        guard worker.holds(as: worker.current, at: now) else { return }
        let round = CheckRound(checks: checks, limit: CheckSchedule.limit) { [entropy] in entropy.fraction() }
        do {
            if try await store.enterChecks(round, at: now) > 0 { lanes.wake() }
        } catch {
            log.error("Checks of connections cannot be entered; it is tried again", metadata: .keys([.error: "\(error)"]))
        }
    }
}
