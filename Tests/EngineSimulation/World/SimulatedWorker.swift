import Contract
import Engine
import Logging
import Secrets
import ServiceLifecycle
import ServiceLifecycleTestKit
import Store
import Synchronization
import Vault

/// A worker process: an engine with ports of the simulation. A killed one leaves its data in the store, at the broker and in Autotask.
final class SimulatedWorker: Sendable {
    private struct State {
        /// The services in the order in which they start; they are shut down in reverse.
        var services: [RunningService] = []
        var isTold = false
        var lastThaw = Timestamp(millisecondsSinceEpoch: 0)
        /// The index of its present life in ``World/lives``.
        var life: Int?
    }

    /// How long a worker may take to finish before it is killed, as by an init system.
    private static let patience: Duration = .seconds(60)

    let process: SimulatedProcess
    private let world: World
    private let source: SimulatedSource
    private let onDeath: @Sendable (SimulatedWorker) -> Void
    private let state = Mutex(State())

    /// - Parameter onDeath: called when the process ends on its own, or because of its work.
    init(_ name: String, in world: World, onDeath: @escaping @Sendable (SimulatedWorker) -> Void) {
        self.world = world
        self.onDeath = onDeath
        process = SimulatedProcess(name, on: world.scheduler)
        source = SimulatedSource(world: world, process: process)
    }

    /// When it last continued after a stop.
    var lastThaw: Timestamp { state.withLock { $0.lastThaw } }

    func start() {
        world.timeline.note(world.time.now, process.name, "starts")
        source.onPoison { [weak self] in self?.die() }
        process.run { [self] in
            // Like systemd, this starts it again until the store accepts it, and after it ended on its own.
            while !process.isDead, !state.withLock({ $0.isTold }) {
                do { try await run() } catch { world.timeline.note(world.time.now, process.name, "ends: \(error)") }
                await world.pause(upTo: 20_000)
            }
        }
    }

    /// One life of the process: until one of its services fails, or all have finished.
    private func run() async throws {
        let store = world.store(of: self)
        // Breaks the reference cycles of a live process: between the store and the outbox, and between the engine and this worker.
        defer {
            store.observeEvents { _ in }
            state.withLock { $0.services = [] }
            endLife()
        }
        let engine = Engine(
            source: source,
            sink: SimulatedSink(world: world, process: process),
            store: store,
            vault: World.vault,
            autotask: AutotaskAccess(
                transport: SimulatedTransport(worker: self, network: world.network),
                lookupURL: World.lookupURL,
                integrationCode: SecretReference(copying: Array(World.integrationCode.utf8).span)
            ),
            settings: world.settings,
            clock: world.newClock(of: process),
            entropy: SimulatedEntropy(scheduler: world.scheduler),
            log: Logger(label: process.name) { _ in SwiftLogNoOpLogHandler() },
            instruments: world.traces.instruments
        )
        try await engine.join()
        beginLife()
        let services = engine.services.map(RunningService.init)
        state.withLock { $0.services = services }
        try await withThrowingTaskGroup { group in
            for service in services { group.addTask { try await service.run() } }
            do { for try await () in group {} } catch {
                group.cancelAll()
                source.disconnect()
                throw error
            }
        }
    }

    /// The connection to the broker ends; another follows.
    func loseConnection() { source.disconnect() }

    /// It is stopped, as by SIGSTOP.
    func freeze(for duration: Duration) {
        world.timeline.note(world.time.now, process.name, "stops for \(duration)")
        process.freeze()
        SimulatedProcess("operator", on: world.scheduler).run { [self] in
            await world.time.sleep(until: world.time.now + duration)
            if !process.isDead { thaw() }
        }
    }

    func thaw() {
        state.withLock { $0.lastThaw = world.time.now }
        process.thaw()
    }

    /// It is told to finish, as by SIGTERM: intake first, the outbox last. Returns when it has finished, or was killed for taking too long.
    func finish() async {
        world.timeline.note(world.time.now, process.name, "is told to finish")
        let services = state.withLock { state in
            state.isTold = true
            return state.services
        }
        source.close()
        let deadline = world.time.now + SimulatedWorker.patience
        for service in services.reversed() {
            service.tell()
            while !service.hasEnded, !process.isDead, world.time.now < deadline { await world.pause(upTo: 200) }
        }
        if !process.isDead { kill() }
    }

    func kill() {
        world.timeline.note(world.time.now, process.name, "is killed")
        process.kill()
        endLife()
        source.disconnect()
    }

    private func beginLife() {
        let place = world.lives.withLock { lives in
            lives.append((world.time.now, nil))
            return lives.count - 1
        }
        state.withLock { $0.life = place }
    }

    private func endLife() {
        let place = state.withLock { state in
            defer { state.life = nil }
            return state.life
        }
        if let place { world.lives.withLock { $0[place].end = world.time.now } }
    }

    /// Its own work kills it.
    func die() {
        guard !process.isDead else { return }
        kill()
        onDeath(self)
    }
}

/// One of a worker's services, which can be told to finish.
private final class RunningService: Sendable {
    private struct State {
        var trigger: GracefulShutdownTestTrigger?
        var isTold = false
        var hasEnded = false
    }

    private let service: any Service
    private let state = Mutex(State())

    init(_ service: any Service) { self.service = service }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func run() async throws {
        defer { state.withLock { $0.hasEnded = true } }
        try await testGracefulShutdown { trigger in
            let isTold = state.withLock { state in
                state.trigger = trigger
                return state.isTold
            }
            if isTold { trigger.triggerGracefulShutdown() }
            try await service.run()
        }
    }

    func tell() {
        let trigger = state.withLock { state in
            state.isTold = true
            return state.trigger
        }
        trigger?.triggerGracefulShutdown()
    }
}

/// The intake of one worker.
private final class SimulatedSource: JobSource {
    private struct State {
        var connection: ModelBroker.Connection?
        var isClosed = false
        var onPoison: (@Sendable () -> Void)?
    }

    private let world: World
    private let process: SimulatedProcess
    private let state = Mutex(State())

    init(world: World, process: SimulatedProcess) {
        self.world = world
        self.process = process
    }

    /// - Parameter act: called when a message arrives that must not be read.
    func onPoison(_ act: @escaping @Sendable () -> Void) { state.withLock { $0.onPoison = act } }

    func disconnect() {
        let lost = state.withLock { state in
            defer { state.connection = nil }
            return state.connection
        }
        if let lost { world.broker.disconnect(lost) }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        disconnect()
    }

    func nextBatch() async -> IncomingBatch? {
        while !process.isDead, !Task.isCancelled {
            let current = state.withLock { state -> ModelBroker.Connection? in
                guard !state.isClosed else { return nil }
                let current = state.connection ?? world.broker.connect()
                state.connection = current
                return current
            }
            guard let current else { return nil }
            guard let messages = await world.broker.nextBatch(current) else { continue }
            let deliveries = messages.map(\.delivery)
            if deliveries.contains(where: { world.isPoison($0) && !$0.isRedelivered }) {
                world.faults.note(.poisonMessage)
                state.withLock { $0.onPoison }?()
            }
            // It goes behind the messages that returned with it.
            if deliveries.contains(where: \.isRedelivered), world.faults.strikes(.redeliveryLost) { disconnect() }
            return IncomingBatch(
                deliveries: deliveries,
                acknowledge: { [world, process] in
                    if !process.isDead { world.broker.acknowledge(messages, over: current) }
                },
                isHeld: { [world] in
                    await world.scheduler.pause()
                    return world.broker.isOpen(current)
                }
            )
        }
        return nil
    }

    func suspend() { disconnect() }

    func resume() {}
}

/// One worker's connection to the results exchange.
private struct SimulatedSink: EventSink {
    let world: World
    let process: SimulatedProcess

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        await world.pause(upTo: 20)
        if process.isDead { return events.map { _ in .missing } }
        world.inspect(events)
        if world.faults.strikes(.eventNotTaken) {
            let taken = world.scheduler.draw { Int.random(in: 0..<events.count, using: &$0) }
            let answers = world.broker.publish(Array(events.prefix(taken)), at: world.time.now) { draw(upTo: $0) }
            return answers + events.dropFirst(taken).map { _ in .missing }
        }
        let closes = world.broker.closes
        let answers = world.broker.publish(events, at: world.time.now) { draw(upTo: $0) }
        if answers.contains(.refused) { world.faults.note(.tenantRefused) }
        if world.broker.closes > closes { world.faults.note(.channelClosed) }
        await world.pause(upTo: 20)
        return world.faults.strikes(.confirmLost) ? events.map { _ in .missing } : answers
    }

    private func draw(upTo count: Int) -> Int { world.scheduler.draw { Int.random(in: 0...count, using: &$0) } }

    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void) {}
}
