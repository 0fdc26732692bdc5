import AutotaskModel
import Contract
import Engine
import Store
import Synchronization
import Vault

/// The parts of one run that outlive a worker.
final class World: Sendable {
    static let start = Timestamp("2026-11-22T08:00:00Z")!
    static let vault = Vault(KeyRing.generate(at: start))
    static let lookupURL = FakeAutotask.lookupURL
    static let integrationCode = "simulation"
    /// An API user whose calls kill the worker that makes them.
    static let poisonUser = "poison"
    /// A message that kills the worker that reads it.
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
    let traces = SimulatedTraces()
    /// Events that a follower saw and should not have seen.
    let surprises = Mutex<[String]>([])
    /// The periods during which a worker was joined and running; the current one has no end.
    let lives = Mutex<[(begin: Timestamp, end: Timestamp?)]>([])
    /// The error of the machine's clock, for processes that start from now on.
    private let clockStep = Mutex(Duration.zero)
    /// Until when the store accepts no jobs: deliveries go from one worker to the next as they die.
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
        // In some runs intake pauses after a few jobs.
        let backlogLimit = scheduler.draw { [3, 1000].randomElement(using: &$0) ?? 1000 }
        // In some runs a lane is full with few jobs, or never.
        let laneBacklogLimit = scheduler.draw { [5, 1000, 5000].randomElement(using: &$0) ?? 1000 }
        // In some runs scheduled checks are as frequent as the tenants' jobs.
        let isWatchful = scheduler.draw { Int.random(in: 0...3, using: &$0) == 0 }
        // In some runs an event with a few services is too large.
        let eventLimit = scheduler.draw { [EventLimit.smallest, 1 << 20].randomElement(using: &$0) ?? 1 << 20 }
        // In some runs a job has time to kill more workers than one may.
        let interactiveTime = scheduler.draw { [60, 60, 3600].randomElement(using: &$0) ?? 60 }
        settings = EngineSettings(
            acceptsClearCredentials: true,
            backlogLimit: backlogLimit,
            laneBacklogLimit: laneBacklogLimit,
            interactiveTime: .seconds(interactiveTime),
            verifyInterval: isWatchful ? .seconds(30) : nil,
            driftInterval: isWatchful ? .seconds(45) : nil,
            eventLimit: EventLimit(bytes: eventLimit)
        )
        recordDeadLetters()
    }

    /// Every access to the disk takes a moment, in which other tasks may run first, and may fail.
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
                    // This is a separate task, so that nothing waits for it: while a reader is active, erased data is still on disk.
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

    /// Observes events on their way: none is published before the data erased by its reset has left the disk, nor before earlier events.
    func inspect(_ events: [OrderedEvent]) {
        let tables = disk.tables
        let held = tables.outbox.filter { $0.entry.isHeld && !tables.released.contains($0.entry.event.event.id) }.map(\.entry.event)
        guard !held.isEmpty else { return }
        for event in events where held.contains(where: { $0.event.id == event.event.id }) {
            surprises.withLock {
                $0.append("\(event.event.type.rawValue) of \(event.event.lane) was published while data erased by a reset is on the disk.")
            }
        }
    }

    /// A message that kills every worker that reads it.
    func publishPoison() {
        timeline.note(time.now, "portal", "a poison message")
        broker.enqueue(JobMessage(routingKey: "sync.msp-1", userID: "portal", body: World.poisonBody))
    }

    func isPoison(_ message: JobMessage) -> Bool { message.body == World.poisonBody }

    /// The store accepts no jobs for a while.
    func shutStore() {
        let end = time.now + .milliseconds(draw(1000...30_000))
        timeline.note(time.now, "store", "takes nothing in until \(end)")
        shutUntil.withLock { $0 = max($0, end) }
    }

    /// Sets the machine's clock. Running processes keep theirs.
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
