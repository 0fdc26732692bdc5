import Contract
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// Claims lanes while there are free slots, and runs the job at the head of each. It also runs the jobs whose lanes the intake claimed.
///
/// The loop sleeps until a batch was accepted, a job ended, or the moment came for which a job waits.
final class LaneRunner: Service {
    private static let retryDelay: Duration = .seconds(1)
    /// The maximum number of lanes in one claim. The intake may use the other free slots meanwhile.
    private static let lanesPerClaim = 128
    /// How long a job waits after its outcome was sealed under a key that was then retired.
    private static let sealingDelay: Duration = .seconds(5)
    /// How often pauses act on the lanes in line at most: shorter than the time between two renewals of the lease, which wake the loop.
    private static let pauseInterval: Duration = .seconds(2)

    private let store: any LaneClaims & WorkerRegistry
    private let engine: EngineContext
    private let attempt: JobAttempt
    let slots: LaneSlots
    private let pauses = Mutex(0)
    /// When pauses last acted without a free slot.
    private let pausesActed = Mutex<Timestamp?>(nil)

    init(store: any LaneClaims & WorkerRegistry, engine: EngineContext, attempt: JobAttempt, slots: LaneSlots) {
        self.store = store
        self.engine = engine
        self.attempt = attempt
        self.slots = slots
    }

    /// The number of pauses in force at the last claim.
    var pausesInForce: Int { pauses.withLock { $0 } }

    func run() async throws {
        await withGracefulShutdownHandler {
            async let arrivals: Void = runArrivals()
            await runLine()
            await arrivals
        } onGracefulShutdown: {
            self.slots.line.close()
            self.slots.arrivals.close()
        }
        await settle("leave") { () async throws(StoreError) in try await store.leave(engine.worker.current, at: engine.now) }
    }

    /// Claims lanes in line, and runs their jobs. It ends with the last of them.
    private func runLine() async {
        await withDiscardingTaskGroup { group in
            let pulse = engine.pulses[.lanes]
            repeat {
                await claimAll(into: &group)
                pulse.rest()
            } while await slots.line.wait()
        }
    }

    /// Runs the jobs whose lanes the intake claimed. It ends with the last of them.
    private func runArrivals() async {
        await withDiscardingTaskGroup { group in
            repeat { start(slots.takeHandedOver(), in: &group) } while await slots.arrivals.wait()
            // The intake shuts down first. What it claimed before is put back by its attempt.
            start(slots.takeHandedOver(), in: &group)
        }
    }

    /// - Parameter claims: lanes whose slots are in use already.
    private func start(_ claims: [LaneClaim], in group: inout DiscardingTaskGroup) {
        for claim in claims {
            engine.meters.claimed(claim, at: engine.now)
            group.addTask {
                await self.work(claim)
                self.slots.free()
            }
        }
    }

    /// The number of free slots. It is negative while jobs are concluded beyond them.
    private var freeSlots: Int { engine.settings.concurrentLanes - slots.running }

    private var isEnding: Bool { Task.isShuttingDownGracefully || Task.isCancelled }

    /// Claims as long as there are free slots and lanes with work.
    private func claimAll(into group: inout DiscardingTaskGroup) async {
        while !isEnding {
            let free = slots.reserve(upTo: LaneRunner.lanesPerClaim, of: engine.settings.concurrentLanes)
            guard free > 0 else { break }
            guard let result = await claim(upTo: free, into: &group) else { return }
            guard result.claims.count == free || result.hasMore else { break }
        }
        await letPausesAct(into: &group)
    }

    /// Lets pauses act on lanes that wait for a slot or a place at their database. Jobs that end need no slot: at most
    /// ``Pause/lanesPerClaim`` are concluded beyond the slots.
    private func letPausesAct(into group: inout DiscardingTaskGroup) async {
        guard engine.hasPauses.load(ordering: .relaxed), takeTurnOfPauses(at: engine.now) else { return }
        var last: LineTurn?
        while !isEnding {
            guard freeSlots > -Pause.lanesPerClaim else {
                // A job that ends wakes the loop.
                pausesActed.withLock { $0 = nil }
                return
            }
            guard let result = await claim(upTo: 0, after: last, into: &group), result.hasMore else { return }
            last = result.last
        }
    }

    /// Whether pauses act now: once in a while, because they look at the whole line.
    private func takeTurnOfPauses(at now: Timestamp) -> Bool {
        pausesActed.withLock { last in
            if let last, now >= last, now - last < LaneRunner.pauseInterval { return false }
            last = now
            return true
        }
    }

    /// - Parameters:
    ///   - limit: the number of reserved slots. Those that are not used are released.
    ///   - last: see ``ClaimRequest/after``.
    /// - Returns: `nil` if nothing can be claimed at present.
    private func claim(upTo limit: Int, after last: LineTurn? = nil, into group: inout DiscardingTaskGroup) async -> ClaimResult? {
        engine.pulses[.lanes].turn()
        let now = engine.now
        guard engine.worker.holds(as: engine.worker.current, at: now) else {
            // The worker could not run what it claims. Its lease is renewed, or it joins again.
            slots.use(0, ofReserved: limit)
            wake(at: now + LaneRunner.retryDelay, in: &group)
            return nil
        }
        let events = engine.events
        let settled = SettledJobs()
        let result: ClaimResult
        do {
            let time = engine.settings.interactiveTime
            let request = ClaimRequest(worker: engine.worker.current, limit: limit, after: last, interactiveTime: time)
            result = try await store.claim(request, at: now) { snapshot in
                var decision = LaneOrder(of: snapshot.lane, now: now, events: events).decide(snapshot)
                if limit == 0 { decision = decision.withoutWork }
                settled.note(decision.settlements, of: snapshot.jobs)
                return decision
            }
        } catch {
            slots.use(0, ofReserved: limit)
            engine.log.error("Lanes cannot be claimed", metadata: .keys([.error: "\(error)"]))
            wake(at: now + LaneRunner.retryDelay, in: &group)
            return nil
        }
        engine.meters.ended(settled)
        slots.use(result.claims.count, ofReserved: limit)
        pauses.withLock { $0 = result.pauses }
        if result.pauses > 0 { engine.hasPauses.store(true, ordering: .relaxed) }
        start(result.claims, in: &group)
        if let moment = result.nextWake { wake(at: moment, in: &group) }
        return result
    }

    private func wake(at moment: Timestamp, in group: inout DiscardingTaskGroup) {
        guard slots.line.takeAlarm(moment) else { return }
        group.addTask { [engine, line = slots.line] in
            await engine.clock.sleepUnlessShutDown(until: moment)
            line.alarmRang(moment)
        }
    }

    private func work(_ claim: LaneClaim) async {
        let ended: EndedAttempt
        do { ended = try await attempt.run(claim) } catch {
            // Another worker has taken the lane over: there is nothing to report.
            engine.log.warning(
                "An attempt ended without an outcome",
                metadata: .keys([.error: "\(error)", .tenant: "\(claim.token.lane.tenant)", .jobID: "\(claim.job.id)"])
            )
            return
        }
        await complete(claim, with: ended)
    }

    private func complete(_ claim: LaneClaim, with ended: EndedAttempt) async {
        var ended = ended
        var isStored = false
        await settle("complete") { () async throws(StoreError) in
            do throws(StoreError) { try await store(ended, of: claim) } catch {
                guard error.code == .keyRetired else { throw error }
                // What the attempt sealed is useless now. The job is tried again with the keys that are present then. It waits, because a
                // ring that cannot be read brings no others, and each attempt calls Autotask.
                await engine.refreshKeys()
                ended = attempt.heldUp(claim, instead: ended, atLeast: LaneRunner.sealingDelay)
                try await store(ended, of: claim)
            }
            isStored = true
            engine.meters.ended(claim, ended)
        }
        ended.trace?.end(ended, of: claim, isStored: isStored)
    }

    private func store(_ ended: EndedAttempt, of claim: LaneClaim) async throws(StoreError) {
        guard let trace = ended.trace else {
            _ = try await store.complete(claim.token, with: ended.completion, at: engine.now)
            return
        }
        try await trace.store("complete") { () async throws(StoreError) in
            _ = try await store.complete(claim.token, with: ended.completion, at: engine.now)
        }
    }

    /// Repeats an operation until it reaches the store, or another worker has taken over.
    private func settle(_ name: StaticString, _ operation: () async throws(StoreError) -> Void) async {
        while true {
            do { return try await operation() } catch  where error.code == .fenced {
                engine.log.warning("Another worker has taken over what this worker held", metadata: .keys([.detail: "\(name)"]))
                return
            } catch {
                engine.log.error(
                    "The store refuses an outcome; the worker tries again",
                    metadata: .keys([.detail: "\(name)", .error: "\(error)"])
                )
                if Task.isCancelled { return }
                await engine.clock.sleep(until: engine.now + LaneRunner.retryDelay)
            }
        }
    }
}
