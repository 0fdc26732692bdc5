import Contract
import Engine
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Vault

/// A worker process: an engine with ports of the simulation. Killed, it leaves behind what is in the store, at the broker and in Autotask.
final class SimulatedWorker: Sendable {
    let process: SimulatedProcess
    private let world: World
    private let source: SimulatedSource

    init(_ name: String, in world: World) {
        self.world = world
        process = SimulatedProcess(name, on: world.scheduler)
        source = SimulatedSource(broker: world.broker, process: process)
    }

    func start() {
        world.timeline.note(world.time.now, process.name, "starts")
        process.run { [self] in
            // As systemd does, it is started again until the store takes it, and when it ended by itself.
            while !process.isDead {
                do { try await run() } catch { world.timeline.note(world.time.now, process.name, "ends: \(error)") }
                await world.time.sleep(until: world.time.now + .seconds(1))
            }
        }
    }

    /// One life of the process: until one of its services fails.
    private func run() async throws {
        let engine = Engine(
            source: source,
            sink: SimulatedSink(world: world, process: process),
            store: world.store(of: process),
            vault: World.vault,
            autotask: AutotaskAccess(
                transport: SimulatedTransport(process: process, network: world.network),
                lookupURL: World.lookupURL,
                integrationCode: Array(World.integrationCode.utf8)
            ),
            settings: World.settings,
            clock: world.newClock(of: process),
            entropy: SimulatedEntropy(scheduler: world.scheduler),
            log: Logger(label: process.name) { _ in SwiftLogNoOpLogHandler() }
        )
        try await engine.join()
        try await withThrowingTaskGroup { group in
            for service in engine.services { group.addTask { try await service.run() } }
            do { for try await () in group {} } catch {
                group.cancelAll()
                source.disconnect()
                throw error
            }
        }
    }

    /// The connection to the broker ends; another follows.
    func loseConnection() { source.disconnect() }

    func kill() {
        world.timeline.note(world.time.now, process.name, "is killed")
        process.kill()
        source.disconnect()
    }
}

/// The door of one worker.
private final class SimulatedSource: JobSource {
    /// Which deliveries a batch holds, and over which connection they came.
    private struct Token: Sendable {
        let numbers: [Int]
        let connection: ModelBroker.Connection
    }

    private let broker: ModelBroker
    private let process: SimulatedProcess
    private let connection = Mutex<ModelBroker.Connection?>(nil)

    init(broker: ModelBroker, process: SimulatedProcess) {
        self.broker = broker
        self.process = process
    }

    func disconnect() {
        let lost = connection.withLock { connection in
            defer { connection = nil }
            return connection
        }
        if let lost { broker.disconnect(lost) }
    }

    func nextBatch() async -> IncomingBatch? {
        while !process.isDead, !Task.isCancelled {
            let current = connection.withLock { connection in
                let current = connection ?? broker.connect()
                connection = current
                return current
            }
            guard let batch = await broker.nextBatch(current), let numbers = batch.token as? [Int] else { continue }
            return IncomingBatch(deliveries: batch.deliveries, token: Token(numbers: numbers, connection: current))
        }
        return nil
    }

    func acknowledge(_ batch: IncomingBatch) {
        guard !process.isDead, let token = batch.token as? Token else { return }
        broker.acknowledge(token.numbers, over: token.connection)
    }

    func suspend() {}

    func resume() {}
}

/// The way of one worker to the results exchange.
private struct SimulatedSink: EventSink {
    let world: World
    let process: SimulatedProcess

    func publish(_ events: [OrderedEvent]) async -> [Bool] {
        await world.pause(upTo: 20)
        if process.isDead { return events.map { _ in false } }
        if world.faults.strikes(.eventRefused) {
            let taken = world.scheduler.draw { Int.random(in: 0..<events.count, using: &$0) }
            world.broker.publish(Array(events.prefix(taken)), at: world.time.now)
            return events.indices.map { $0 < taken }
        }
        world.broker.publish(events, at: world.time.now)
        await world.pause(upTo: 20)
        let isLost = world.faults.strikes(.confirmLost)
        return events.map { _ in !isLost }
    }

    func offer(_ event: OrderedEvent) {}
}
