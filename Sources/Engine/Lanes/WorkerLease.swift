import Contract
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// Renews the worker's lease, and takes over what dead workers left behind.
struct WorkerLease: Service {
    /// A dead worker delays its lanes by at most this.
    static let duration: Duration = .seconds(15)
    /// Often enough that more than ``Clocks/tolerance`` of the lease is left even after a renewal that took two seconds.
    static let renewal: Duration = .milliseconds(2500)
    /// How often expired data is erased.
    private static let pruning: Duration = .seconds(3600)

    let store: any WorkerRegistry
    let engine: EngineContext
    let outbox: Outbox
    let lanes: WakeSignal
    /// See ``RetentionService/due``.
    let retention: WakeSignal
    /// See ``LetterOperationService/due``.
    let operations: WakeSignal

    /// Joins the store. Called before anything is claimed.
    func join() async throws(StoreError) {
        let now = engine.now
        let takeover = try await store.join(engine.worker.current, until: now + WorkerLease.duration, at: now)
        engine.worker.holdsLease(until: now + WorkerLease.duration)
        took(over: takeover)
    }

    /// - Throws: ``StoreError`` when this worker can no longer use the store: its clock is behind another worker's, a newer program has
    ///   migrated the store, or the file is gone.
    func run() async throws {
        var nextEnd: Timestamp?
        var nextPruning = engine.now
        let pulse = engine.pulses[.lease]
        defer { pulse.rest() }
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            pulse.turn()
            // The worker also renews as soon as another's lease ends, so that the other's lanes wait no longer.
            let regular = engine.now + WorkerLease.renewal
            await engine.clock.sleepUnlessShutDown(until: min(regular, nextEnd.map { $0 + .milliseconds(1) } ?? regular))
            nextEnd = try await renew()
            await saveBarriers()
            if engine.now >= nextPruning {
                nextPruning = engine.now + WorkerLease.pruning
                retention.wake()
            }
        }
        // What Autotask asked for outlives this worker.
        await saveBarriers()
    }

    /// Stores what the worker holds back, if that has changed since the last renewal.
    private func saveBarriers() async {
        guard let barriers = engine.barriers.unsaved(at: engine.now) else { return }
        do { try await store.replaceBarriers(of: engine.worker.current, with: barriers, at: engine.now) } catch {
            engine.barriers.saveAgain()
            engine.log.error("The store refuses what this worker holds back", metadata: .keys([.error: "\(error)"]))
        }
    }

    /// - Returns: when the next lease of another worker ends.
    private func renew() async throws(StoreError) -> Timestamp? {
        let now = engine.now
        do {
            let takeover = try await store.renew(engine.worker.current, until: now + WorkerLease.duration, at: now)
            engine.worker.holdsLease(until: now + WorkerLease.duration)
            engine.hasPauses.store(takeover.hasPauses, ordering: .relaxed)
            took(over: takeover)
            return takeover.nextEnd
        } catch  where error.code == .fenced {
            engine.log.warning("This worker was taken for dead; it joins again and gives up what it held")
            engine.worker.become(WorkerID(engine.entropy.eventID()))
            engine.barriers.saveAgain()
            outbox.readStore()
            do { try await join() } catch  where error.code == .clockBehind { throw error } catch {
                engine.log.error("The store refuses this worker", metadata: .keys([.error: "\(error)"]))
            }
        } catch  where error.code == .gone || error.code == .newerSchema {
            throw error
        } catch {
            engine.log.error("The worker's lease cannot be renewed", metadata: .keys([.error: "\(error)"]))
        }
        return nil
    }

    private func took(over takeover: Takeover) {
        if takeover.lanes > 0 || takeover.events > 0 {
            engine.meters.took(over: takeover)
            engine.log.notice("Took over from a worker that is gone", metadata: .keys([.count: "\(takeover.lanes)"]))
            outbox.readStore()
        }
        if takeover.hasOperations { operations.wake() }
        // Lanes may have changed in other ways too, for example through another worker on the same store.
        lanes.wake()
    }
}
