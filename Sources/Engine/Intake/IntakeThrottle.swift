import Contract
import Logging
import Store
import Synchronization
import Telemetry

/// Pauses intake while the store holds too many unfinished jobs (``EngineSettings/backlogLimit``), so that further jobs wait at the broker,
/// visible to every tool. Intake resumes when the backlog is down to three quarters of the limit. A lane counts for at most a tenth of the
/// limit, so one tenant cannot stop intake for the others.
///
/// Jobs that pauses hold count apart, up to ``Backlog/heldFactor`` times the limit. Otherwise a long pause of many tenants would make the
/// jobs of all others wait at the broker, resets among them.
struct IntakeThrottle {
    private static let pause: Duration = .seconds(1)
    /// The time after which the backlog is counted again, because other workers also accept jobs.
    private static let countLifetime: Duration = .seconds(10)

    private let source: any JobSource
    private let store: any JobInbox
    private let engine: EngineContext
    /// The number of jobs taken in since the backlog was counted.
    private var uncounted = 0
    private var countedAt: Timestamp?

    init(source: any JobSource, store: any JobInbox, engine: EngineContext) {
        self.source = source
        self.store = store
        self.engine = engine
    }

    private var limit: Int { engine.settings.backlogLimit }

    /// Counts jobs that came in. Returns when more may come.
    mutating func passed(_ count: Int) async {
        uncounted += count
        let isFresh = countedAt.map { engine.now - $0 < IntakeThrottle.countLifetime } ?? false
        guard !isFresh || uncounted >= max(limit / 8, 1), let backlog = await backlog(), backlog.reaches(limit) else { return }
        engine.log.notice(
            "Intake pauses: enough jobs wait in the store",
            metadata: .keys([.count: "\(backlog.waiting)", .held: "\(backlog.held)"])
        )
        source.suspend()
        engine.isIntakePaused.store(true, ordering: .relaxed)
        defer { engine.isIntakePaused.store(false, ordering: .relaxed) }
        var since = engine.now
        while !ShutdownSignal.wasGiven, !Task.isCancelled {
            engine.pulses[.intake].turn()
            await engine.clock.sleepUnlessShutDown(until: engine.now + IntakeThrottle.pause)
            engine.meters.paused(for: engine.now - since)
            since = engine.now
            if let backlog = await self.backlog(), backlog.isWithin(limit * 3 / 4) {
                engine.log.notice("Intake resumes", metadata: .keys([.count: "\(backlog.waiting)", .held: "\(backlog.held)"]))
                break
            }
        }
        source.resume()
    }

    private mutating func backlog() async -> Backlog? {
        do {
            let backlog = try await store.backlog(perLane: max(limit / 10, 1))
            uncounted = 0
            countedAt = engine.now
            return backlog
        } catch {
            engine.log.error("The backlog cannot be counted", metadata: .keys([.error: "\(error)"]))
            return nil
        }
    }
}
