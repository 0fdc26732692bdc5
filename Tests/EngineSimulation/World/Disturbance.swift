import Contract
import Synchronization

/// Kills, stops and disconnects workers while tenants are busy, and repairs everything in the end.
final class Disturbance: Sendable {
    private struct State {
        var workers: [SimulatedWorker] = []
        var dead: [SimulatedWorker] = []
        /// Actions that are due after a number of further steps of the run, at any point.
        var armed: [(steps: Int, action: @Sendable () -> Void)] = []
        var count = 0
    }

    private let world: World
    private let state = Mutex(State())

    init(_ world: World) {
        self.world = world
        for _ in 0..<world.draw(1...3) { startWorker() }
    }

    /// Called after each step of the run.
    func tick() {
        let due = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.armed.isEmpty else { return [] }
            for index in state.armed.indices { state.armed[index].steps -= 1 }
            let due = state.armed.filter { $0.steps <= 0 }.map(\.action)
            state.armed.removeAll { $0.steps <= 0 }
            return due
        }
        for action in due { action() }
    }

    /// Strikes now and then until `end`. An armed fault may take effect later, up to ``end()``.
    func act(until end: Timestamp) async {
        while world.time.now < end {
            await world.pause(upTo: 8000)
            for _ in 0..<10 { strike() }
        }
    }

    private func strike() {
        arm(.workerKilled) { [self] worker in
            worker.kill()
            replace(worker)
        }
        arm(.workerFinished) { [self] worker in
            // This fault no longer applies to it, but it may still be killed or stopped.
            SimulatedProcess("operator", on: world.scheduler).run { [self] in
                await worker.finish()
                replace(worker)
            }
        }
        arm(.connectionLost) { $0.loseConnection() }
        let duration = Duration.milliseconds(world.draw(100...40_000))
        arm(.workerStopped) { $0.freeze(for: duration) }
        if world.faults.strikes(.clockStepped) { world.stepClock() }
        if world.faults.strikes(.storeShut) { world.shutStore() }
        if world.faults.strikes(.secondConsumer) {
            world.broker.allowActive(2)
            SimulatedProcess("broker", on: world.scheduler).run { [world] in
                await world.pause(upTo: 20_000)
                world.broker.allowActive(1)
            }
        }
        if world.faults.draws(.channelClosed), let tenant = TenantID("msp-\(world.draw(1...4))") {
            let isLimit = world.draw(0...1) == 0
            if isLimit { world.broker.limit(world.draw(300...3000)) } else { world.broker.forbid(tenant, true) }
            SimulatedProcess("operator of the broker", on: world.scheduler).run { [world] in
                await world.pause(upTo: 60_000)
                if isLimit { world.broker.limit(.max) } else { world.broker.forbid(tenant, false) }
            }
        }
        if world.faults.strikes(.paused) { world.pauseJobs() }
        // The fault is noted when there is something to redrive.
        if world.faults.draws(.redriven) { world.redriveLetters() }
        // The fault is noted when it affects an event.
        if world.faults.draws(.tenantRefused), let tenant = TenantID("msp-\(world.draw(1...4))") {
            world.broker.refuse(tenant)
            SimulatedProcess("follower", on: world.scheduler).run { [world] in
                await world.pause(upTo: 60_000)
                world.broker.take(tenant)
            }
        }
    }

    /// Affects a worker at an unpredictable step, if that kind of fault is drawn.
    private func arm(_ fault: Fault, _ action: @escaping @Sendable (SimulatedWorker) -> Void) {
        guard world.faults.draws(fault) else { return }
        let steps = world.draw(0...120)
        let workers = state.withLock { $0.workers }
        guard !workers.isEmpty else { return }
        let worker = workers[world.draw(0...workers.count - 1)]
        let strike: @Sendable () -> Void = { [world] in
            guard !worker.process.isDead, !worker.process.isFrozen else { return }
            world.faults.note(fault)
            action(worker)
        }
        state.withLock { $0.armed.append((steps, strike)) }
    }

    private func startWorker() {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let worker = SimulatedWorker("worker-\(number)", in: world) { [weak self] in self?.replace($0) }
        state.withLock { $0.workers.append(worker) }
        worker.start()
    }

    /// A worker is dead; another one starts a little later.
    private func replace(_ worker: SimulatedWorker) {
        let isFirst = state.withLock { state in
            guard !state.dead.contains(where: { $0 === worker }) else { return false }
            state.dead.append(worker)
            return true
        }
        guard isFirst else { return }
        SimulatedProcess("operator", on: world.scheduler).run { [self] in
            await world.pause(upTo: 20_000)
            startWorker()
            // Not earlier: there must be a worker to affect.
            state.withLock { state in state.workers.removeAll { $0 === worker } }
        }
    }

    /// Everything works again.
    func end() {
        world.faults.end()
        world.broker.allowActive(1)
        world.broker.takeAll()
        world.endPauses()
        world.redriveAllLetters()
        state.withLock { $0.armed = [] }
        for worker in state.withLock({ $0.workers }) where !worker.process.isDead { worker.thaw() }
    }

    /// Releases every worker, dead or alive.
    func bury() {
        let (living, dead) = state.withLock { ($0.workers, $0.dead) }
        for worker in living where !worker.process.isDead { worker.kill() }
        for worker in living + dead { worker.process.bury() }
    }
}
