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
    private let engine: EngineContext
    private let lanes: WakeSignal

    /// - Parameter lanes: woken when there is something to claim.
    init(store: any ScheduledChecks, engine: EngineContext, lanes: WakeSignal) {
        self.store = store
        let settings = engine.settings
        checks = [(JobKind.verify, settings.verifyInterval), (.drift, settings.driftInterval)].compactMap { kind, interval in
            interval.map { CheckRound.Check(kind, every: $0) }
        }
        self.engine = engine
        self.lanes = lanes
    }

    func run() async throws {
        guard let shortest = checks.map(\.interval).min() else { return await ShutdownSignal.wait() }
        let pause = max(CheckSchedule.shortestPause, min(CheckSchedule.pause, shortest / 4))
        while !Task.isCancelled, !ShutdownSignal.wasGiven {
            await enterDue()
            await engine.clock.sleepUnlessShutDown(until: engine.now + pause)
        }
    }

    /// Enters what is due now.
    func enterDue() async {
        let now = engine.now
        guard engine.worker.holds(as: engine.worker.current, at: now) else { return }
        let round = CheckRound(checks: checks, limit: CheckSchedule.limit) { [engine] in engine.entropy.fraction() }
        do {
            if try await store.enterChecks(round, at: now) > 0 { lanes.wake() }
        } catch {
            engine.log.error("Checks of connections cannot be entered; it is tried again", metadata: .keys([.error: "\(error)"]))
        }
    }
}
