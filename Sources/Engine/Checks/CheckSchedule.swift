import Contract
import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Enters scheduled checks, which verify connections and look for drift without a portal's request. They find lost connections and edits in
/// Autotask before a user does (`Rules` A17; for edits `Rules`, "What Autotask imposes").
///
/// The store keeps the due times, so they outlive the worker, and only one worker of a fleet makes each check. At most ``limit`` checks
/// wait or run at a time, so a worker that returns after a long absence does not call every tenant's Autotask at once.
struct CheckSchedule: Service {
    /// The maximum number of checks that wait or run at a time, over all lanes of the store.
    static let limit = 50
    /// The pause between two looks at what is due, unless the intervals are very short.
    private static let pause: Duration = .seconds(30)
    private static let shortestPause: Duration = .seconds(1)

    private let store: any ScheduledChecks
    private let engine: EngineContext
    private let lanes: WakeSignal

    /// - Parameter lanes: woken when there is something to claim.
    init(store: any ScheduledChecks, engine: EngineContext, lanes: WakeSignal) {
        self.store = store
        self.engine = engine
        self.lanes = lanes
    }

    func run() async throws {
        while !Task.isCancelled, !ShutdownSignal.wasGiven {
            await enterDue()
            let shortest = checks.map(\.interval).min()
            let pause = shortest.map { max(CheckSchedule.shortestPause, min(CheckSchedule.pause, $0 / 4)) } ?? CheckSchedule.pause
            await engine.clock.sleepUnlessShutDown(until: engine.now + pause)
        }
    }

    /// The checks that have an interval at present.
    private var checks: [CheckRound.Check] {
        let settings = engine.settings
        return [(JobKind.verify, settings.verifyInterval), (.drift, settings.driftInterval)].compactMap { kind, interval in
            interval.map { CheckRound.Check(kind, every: $0) }
        }
    }

    /// Enters the checks that are due now.
    func enterDue() async {
        let (now, checks) = (engine.now, checks)
        guard !checks.isEmpty, engine.worker.holds(as: engine.worker.current, at: now) else { return }
        let round = CheckRound(checks: checks, limit: CheckSchedule.limit) { [engine] in engine.entropy.fraction() }
        do {
            if try await store.enterChecks(round, at: now) > 0 { lanes.wake() }
        } catch {
            engine.log.error("Scheduled checks cannot be entered; the worker tries again", metadata: .keys([.error: "\(error)"]))
        }
    }
}
