import AutotaskModel
import Contract
import Engine
import Store
import Synchronization
import Vault

/// Everything of one run that outlives a worker.
final class World: Sendable {
    static let start = Timestamp("2026-11-22T08:00:00Z")!
    static let vault = Vault(KeyRing.generate(at: start))
    static let lookupURL = FakeAutotask.lookupURL
    static let integrationCode = "simulation"
    static let settings = EngineSettings(acceptsClearCredentials: true)

    let scheduler: SeededScheduler
    let time = SimulatedTime(World.start)
    let timeline = Timeline()
    let faults: FaultPlan
    let broker: ModelBroker
    let disk = ModelDisk()
    let network: SimulatedNetwork
    /// By how much the machine's clock is wrong, for processes that start from now on.
    private let clockStep = Mutex(Duration.zero)

    init(seed: UInt64) {
        scheduler = SeededScheduler(seed: seed)
        faults = FaultPlan(scheduler)
        broker = ModelBroker(timeline: timeline)
        network = SimulatedNetwork(FakeAutotask(pause: {}), time: time, faults: faults, timeline: timeline, scheduler: scheduler)
    }

    /// Whatever is between a process and the disk takes a moment, in which others may go first, and may fail.
    func store(of process: SimulatedProcess) -> ModelStore {
        ModelStore(
            disk,
            hooks: ModelStore.Hooks(
                before: { [self] name async throws(StoreError) in
                    await scheduler.pause()
                    if process.isDead { throw StoreError(.fenced, "The process is dead.") }
                    if faults.strikes(.storeFailed) {
                        timeline.note(time.now, process.name, "the store fails at \(name)")
                        throw StoreError(.unavailable, "A fault of the simulation.")
                    }
                },
                after: { [self] _ in await scheduler.pause() }
            )
        )
    }

    /// The machine's clock is set. Processes that run keep theirs.
    func stepClock() { clockStep.withLock { $0 = .seconds(draw(-3600...3600)) } }

    /// The clock of a process that starts now.
    func newClock(of process: SimulatedProcess) -> SimulatedClock {
        let error: Duration = faults.strikes(.clockWrong) ? .seconds(draw(-5...5)) : .zero
        let offset = clockStep.withLock { $0 } + error
        if offset != .zero { timeline.note(time.now, process.name, "has a clock that is wrong by \(offset)") }
        return SimulatedClock(time, of: process, offset: offset)
    }

    func pause(upTo milliseconds: Int) async {
        await time.sleep(until: time.now + .milliseconds(draw(0...milliseconds)))
    }

    func draw(_ range: ClosedRange<Int>) -> Int { scheduler.draw { Int.random(in: range, using: &$0) } }
}
