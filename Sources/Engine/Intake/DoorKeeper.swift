import Contract
import Logging
import Store
import Telemetry

/// Closes the door while more jobs wait in the store than an operator wants there (``EngineSettings/backlogLimit``), so that the others wait
/// at the broker, visible to every tool. It opens again when a quarter of them is done. A lane counts for a tenth of the limit at most: one tenant
/// cannot close the door for the others.
struct DoorKeeper {
    private static let pause: Duration = .seconds(1)
    /// Other workers take jobs in too: after this long the backlog is counted anew.
    private static let countLifetime: Duration = .seconds(10)

    private let source: any JobSource
    private let store: any JobInbox
    private let engine: EngineContext
    private let limit: Int
    /// Taken in since the backlog was counted.
    private var uncounted = 0
    private var countedAt: Timestamp?

    init(source: any JobSource, store: any JobInbox, engine: EngineContext) {
        self.source = source
        self.store = store
        self.engine = engine
        limit = engine.settings.backlogLimit
    }

    /// So many jobs came in. Returns when more may.
    mutating func passed(_ count: Int) async {
        uncounted += count
        let isFresh = countedAt.map { engine.now - $0 < DoorKeeper.countLifetime } ?? false
        guard !isFresh || uncounted >= max(limit / 8, 1), let waiting = await backlog(), waiting >= limit else { return }
        engine.log.notice("The door closes: enough jobs wait in the store", metadata: .keys([.count: "\(waiting)"]))
        source.suspend()
        while !ShutdownSignal.wasGiven, !Task.isCancelled {
            await engine.clock.sleepUnlessShutDown(until: engine.now + DoorKeeper.pause)
            if let waiting = await backlog(), waiting <= limit * 3 / 4 {
                engine.log.notice("The door opens again", metadata: .keys([.count: "\(waiting)"]))
                break
            }
        }
        source.resume()
    }

    private mutating func backlog() async -> Int? {
        do {
            let waiting = try await store.backlog(perLane: max(limit / 10, 1))
            uncounted = 0
            countedAt = engine.now
            return waiting
        } catch {
            engine.log.error("The backlog cannot be counted", metadata: .keys([.error: "\(error)"]))
            return nil
        }
    }
}
