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
    /// An API user whose calls stop the worker that makes them.
    static let poisonUser = "poison"
    /// A message that stops the worker that reads it.
    private static let poisonBody = Array("poison".utf8)
    private static let poisonSHA256 = Vault.sha256(poisonBody)

    let scheduler: SeededScheduler
    let time = SimulatedTime(World.start)
    let timeline = Timeline()
    let faults: FaultPlan
    let broker: ModelBroker
    let disk = ModelDisk(auditing: AuditChain(World.vault))
    let network: SimulatedNetwork
    let settings: EngineSettings
    /// What a follower saw that it should not have.
    let surprises = Mutex<[String]>([])
    /// From when to when a worker had joined and was there, without an end while it is.
    let lives = Mutex<[(begin: Timestamp, end: Timestamp?)]>([])
    /// By how much the machine's clock is wrong, for processes that start from now on.
    private let clockStep = Mutex(Duration.zero)
    /// Until when the store takes nothing in: what workers hold then goes from one to the next as they die.
    private let shutUntil = Mutex(World.start)

    init(seed: UInt64) {
        scheduler = SeededScheduler(seed: seed)
        faults = FaultPlan(scheduler)
        broker = ModelBroker(timeline: timeline)
        network = SimulatedNetwork(
            FakeAutotask(pause: {}),
            time: time,
            faults: faults,
            timeline: timeline,
            scheduler: scheduler,
            poison: World.poisonUser
        )
        // In some runs the door closes over a handful of jobs.
        let backlogLimit = scheduler.draw { [3, 1000].randomElement(using: &$0) ?? 1000 }
        // In some a lane is full with few jobs, or never.
        let laneBacklogLimit = scheduler.draw { [5, 1000, 5000].randomElement(using: &$0) ?? 1000 }
        // In some it looks at connections by itself, as often as tenants ask for something.
        let isWatchful = scheduler.draw { Int.random(in: 0...3, using: &$0) == 0 }
        // In some an event with a few services is too large.
        let eventLimit = scheduler.draw { [EventLimit.smallest, 1 << 20].randomElement(using: &$0) ?? 1 << 20 }
        settings = EngineSettings(
            acceptsClearCredentials: true,
            backlogLimit: backlogLimit,
            laneBacklogLimit: laneBacklogLimit,
            verifyInterval: isWatchful ? .seconds(30) : nil,
            driftInterval: isWatchful ? .seconds(45) : nil,
            eventLimit: EventLimit(bytes: eventLimit)
        )
    }

    /// Whatever is between a process and the disk takes a moment, in which others may go first, and may fail.
    func store(of worker: SimulatedWorker) -> ModelStore {
        let process = worker.process
        return ModelStore(
            disk,
            hooks: ModelStore.Hooks(
                before: { [self] name async throws(StoreError) in
                    await scheduler.pause()
                    if process.isDead { throw StoreError(.fenced, "The process is dead.") }
                    // Another process writes, or the disk is slow.
                    if faults.strikes(.storeSlow) { await pause(upTo: 4000) }
                    let isShut = !faults.isOver && time.now < shutUntil.withLock { $0 }
                    if isShut, ["accept", "countRedelivery"].contains(name.description) {
                        throw StoreError(.unavailable, "A fault of the simulation.")
                    }
                    if faults.strikes(.storeFailed) {
                        timeline.note(time.now, process.name, "the store fails at \(name)")
                        throw StoreError(.unavailable, "A fault of the simulation.")
                    }
                },
                after: { [self] _ in await scheduler.pause() },
                counted: { [self] sha256, count in
                    // The fifth time it is recorded unread.
                    guard sha256 == World.poisonSHA256, count < 5 else { return }
                    faults.note(.poisonMessage)
                    worker.die()
                },
                erased: { [self] release in
                    // In a task of its own, so that nothing waits for it: as long as somebody reads, what was erased is still there.
                    process.run { [self] in
                        repeat {
                            if faults.strikes(.longReader) { await pause(upTo: 60_000) }
                            await pause(upTo: 20)
                        } while await release() && !process.isDead
                    }
                }
            )
        )
    }

    /// Looks at events on their way: none is told before what its reset erased has left the disk, nor before those that it follows.
    func inspect(_ events: [OrderedEvent]) {
        let tables = disk.tables
        let held = tables.outbox.filter { $0.entry.isHeld && !tables.released.contains($0.entry.event.event.id) }.map(\.entry.event)
        guard !held.isEmpty else { return }
        for event in events where held.contains(where: { $0.event.id == event.event.id }) {
            surprises.withLock {
                $0.append("\(event.event.type.rawValue) of \(event.event.lane) was told while a reset's traces are on the disk.")
            }
        }
    }

    /// A message that stops whoever reads it.
    func publishPoison() {
        timeline.note(time.now, "portal", "a poison message")
        broker.enqueue(JobMessage(routingKey: "sync.msp-1", userID: "portal", body: World.poisonBody))
    }

    func isPoison(_ message: JobMessage) -> Bool { message.body == World.poisonBody }

    /// The store takes no jobs in for a while.
    func shutStore() {
        let end = time.now + .milliseconds(draw(1000...30_000))
        timeline.note(time.now, "store", "takes nothing in until \(end)")
        shutUntil.withLock { $0 = max($0, end) }
    }

    /// The machine's clock is set. Processes that run keep theirs.
    func stepClock() { clockStep.withLock { $0 = .seconds(draw(-3600...3600)) } }

    /// The clock of a process that starts now.
    func newClock(of process: SimulatedProcess) -> SimulatedClock {
        let error: Duration = faults.strikes(.clockWrong) ? .seconds(draw(-5...5)) : .zero
        let step = clockStep.withLock { $0 }
        if step + error != .zero { timeline.note(time.now, process.name, "has a clock that is wrong by \(step + error)") }
        return SimulatedClock(time, of: process, offset: step + error)
    }

    func pause(upTo milliseconds: Int) async {
        await time.sleep(until: time.now + .milliseconds(draw(0...milliseconds)))
    }

    func draw(_ range: ClosedRange<Int>) -> Int { scheduler.draw { Int.random(in: range, using: &$0) } }
}
