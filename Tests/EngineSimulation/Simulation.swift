import Contract
import Engine
import Store
import Synchronization

/// One run of the engine among models of its environment: tenants, a broker, a store, Autotask, time, and the faults of each.
///
/// A seed decides the whole run, every interleaving included.
package struct Simulation {
    package struct Outcome: Sendable {
        package var seed: UInt64
        /// Violations of invariants; empty for a good run.
        package var violations: [String]
        package var faults: [Fault: Int]
        package var jobs: Int
        /// Attempts at scheduled checks that ended.
        package var checks: Int
        /// Jobs that were superseded, and jobs that were refused because their lane was full.
        package var superseded: Int
        package var refusedByFullLanes: Int
        /// Jobs that began in the transaction that accepted them.
        package var begunOnArrival: Int
        package var steps: Int
        /// The events of the run, in order.
        package var timeline: String
        /// Whether the run left something in memory: millions of runs must fit.
        package var isInMemory: @Sendable () -> Bool
    }

    /// How long tenants have once everything works again.
    private static let patience: Duration = .seconds(4 * 3600)
    private static let stepLimit = 2_000_000

    /// Runs a seed, on the calling thread.
    package static func run(seed: UInt64) -> Outcome {
        let world = World(seed: seed)
        let portal = Portal(world)
        let disturbance = Disturbance(world)
        let director = SimulatedProcess("director", on: world.scheduler)
        let isOver = Atomic(false)
        var violations: [String] = []

        director.run {
            await withTaskGroup { group in
                for tenant in portal.tenants { group.addTask { await portal.act(tenant) } }
                group.addTask { await portal.actPoisonously() }
                group.addTask { await portal.flood() }
                group.addTask { await disturbance.act(until: World.start + .seconds(180)) }
            }
            disturbance.end()
            // Work in progress in Autotask ends first, and Autotask's last refusal is no longer remembered.
            let rest = max(SimulatedNetwork.longestCommit, world.settings.refusalMemory)
            await world.time.sleep(until: world.time.now + rest + .seconds(60))
            for tenant in portal.tenants { portal.conclude(tenant) }
            let end = world.time.now + patience
            while !Invariants.hasEverythingEnded(portal, world), world.time.now < end {
                await world.time.sleep(until: world.time.now + .seconds(5))
            }
            isOver.store(true, ordering: .relaxed)
        }
        while !isOver.load(ordering: .relaxed) {
            if world.scheduler.step() {
                disturbance.tick()
            } else if !world.time.advance() {
                violations.append("Nothing can go on: a task waits for something that never happens.")
                break
            }
            if world.scheduler.steps > stepLimit {
                violations.append("The run does not end.")
                break
            }
        }
        violations += Invariants.violations(portal, world) + world.surprises.withLock { $0 }
        let steps = world.scheduler.steps
        disturbance.bury()
        while world.scheduler.step() {}
        return Outcome(
            seed: seed,
            violations: violations,
            faults: world.faults.counts,
            jobs: portal.published.count,
            checks: world.disk.tables.audit.rows.count { $0.entry.facts.contains(#""ended":"checked""#) },
            superseded: world.disk.tables.jobs.count { $0.event?.event.type == .jobSuperseded },
            refusedByFullLanes: world.disk.tables.jobs.count { $0.event?.event.failureCode == ErrorCode.laneFull.rawValue },
            begunOnArrival: world.disk.tables.begunOnArrival,
            steps: steps,
            timeline: world.timeline.text,
            isInMemory: { [weak world] in world != nil }
        )
    }
}
