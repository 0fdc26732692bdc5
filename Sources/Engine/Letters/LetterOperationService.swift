import Contract
import Logging
import ServiceLifecycle
import Store
import Telemetry

/// Carries out operators' operations over dead letters, each at its own rate and one step at a time.
///
/// Each step and the operation's progress are one transaction of the store. So the worker keeps nothing that matters: after a kill, or with
/// several workers on the store, any of them takes the next step.
struct LetterOperationService: Service {
    private static let retryDelay: Duration = .seconds(1)

    private let store: any DeadLetters & LetterOperations
    private let engine: EngineContext
    private let office: DeadLetterOffice
    private let due: WakeSignal
    private let lanes: WakeSignal

    /// - Parameters:
    ///   - due: woken by the renewal of the worker's lease while there are operations, so that an idle worker never looks for them.
    ///   - lanes: woken when there is something to claim.
    init(store: any DeadLetters & LetterOperations, engine: EngineContext, due: WakeSignal, lanes: WakeSignal) {
        self.store = store
        self.engine = engine
        office = DeadLetterOffice(store: store, vault: engine.vault)
        self.due = due
        self.lanes = lanes
    }

    func run() async throws {
        await withTaskGroup { group in
            group.addTask { await work() }
            group.addTask { await ShutdownSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func work() async {
        var known: Set<Int64> = []
        await withDiscardingTaskGroup { group in
            while await due.wait() {
                guard let next = await carryOn(&known), due.takeAlarm(next) else { continue }
                group.addTask {
                    await engine.clock.sleep(until: next)
                    due.alarmRang(next)
                }
            }
        }
    }

    /// Takes the steps that are due. An operation that fails keeps no other from going on.
    ///
    /// - Parameter known: the operations whose begin this worker has logged, but not their end.
    /// - Returns: when the next step is due; `nil` if there is none to wait for.
    private func carryOn(_ known: inout Set<Int64>) async -> Timestamp? {
        // Without its lease, the worker may be one that others take for dead. The next renewal wakes this service.
        guard engine.worker.holds(as: engine.worker.current, at: engine.now) else { return nil }
        var moments: [Timestamp] = []
        do throws(StoreError) {
            let open = try await store.openOperations()
            for id in known.subtracting(open.map(\.id)).sorted() {
                if let operation = try await store.operation(id) { logEnd(of: operation) }
                known.remove(id)
            }
            for operation in open where !Task.isCancelled {
                if known.insert(operation.id).inserted { logBegin(of: operation) }
                let current = await takeStep(of: operation)
                if let current, current.endedAt != nil {
                    logEnd(of: current)
                    known.remove(operation.id)
                } else {
                    moments.append(engine.now + (current?.wait(at: engine.now) ?? LetterOperationService.retryDelay))
                }
            }
        } catch {
            moments.append(engine.now + LetterOperationService.retryDelay)
            log(error)
        }
        return moments.min()
    }

    /// Takes the next step of an operation, if it is due.
    ///
    /// - Returns: the operation after it. If another worker has taken the step, or an operator has cancelled it, it is as it was. `nil` after
    ///   an error: nothing was changed.
    private func takeStep(of operation: LetterOperation) async -> LetterOperation? {
        guard operation.wait(at: engine.now) <= .zero else { return operation }
        do throws(StoreError) {
            var step = try await office.step(of: operation)
            if step.hasUnopenable {
                // Another process may have added the key since.
                await engine.refreshKeys()
                step = try await office.step(of: operation)
            }
            guard let changed = try await store.take(step, by: engine.worker.current, at: engine.now) else { return operation }
            if changed.order.action == .redrive, changed.tally.done > operation.tally.done { lanes.wake() }
            return changed
        } catch {
            // What was sealed is useless then: the step is prepared again with the keys that are present by that time.
            if error.code == .keyRetired { await engine.refreshKeys() } else { log(error) }
            return nil
        }
    }

    private func log(_ error: StoreError) {
        engine.log.error("Dead letters cannot be redriven or purged; the worker tries again", metadata: .keys([.error: "\(error)"]))
    }

    private func logBegin(of operation: LetterOperation) {
        var metadata = metadata(of: operation)
        metadata[.count] = "\(operation.order.matched)"
        if operation.begunAt == nil {
            engine.log.notice("A background operation on dead letters begins", metadata: metadata)
        } else {
            engine.log.notice("A background operation on dead letters goes on", metadata: metadata)
        }
    }

    private func logEnd(of operation: LetterOperation) {
        var metadata = metadata(of: operation)
        metadata[.count] = "\(operation.tally.done)"
        metadata[.outcome] = "\(operation.state.rawValue)"
        metadata[.detail] = "\(operation.tally.skipped) skipped, \(operation.tally.failed) failed"
        engine.log.notice("A background operation on dead letters is over", metadata: metadata)
    }

    private func metadata(of operation: LetterOperation) -> Logger.Metadata {
        .keys([.operation: "\(operation.id)", .kind: "\(operation.order.action.rawValue)"])
    }
}
