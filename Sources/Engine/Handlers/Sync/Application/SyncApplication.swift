import Autotask
import Contract
import Store

/// The second phase: makes the writes of a plan one by one. The journal records each write before it is sent and after it is answered.
///
/// If Autotask refuses the write of one service, the others are still written. Nothing is rolled back (`Rules` A5, A7).
struct SyncApplication {
    private let context: JobContext
    private let session: TenantSession
    private let preparation: SyncPreparation
    private let steps: [ServiceStep]
    private let deadline: Timestamp
    /// The attempt's ledger and journal.
    private let ending: SyncEnding
    /// Plan indices of services whose write Autotask has confirmed, with their ids in Autotask.
    private var written: [(index: Int, serviceID: Int64)] = []
    /// Plan indices of services whose write failed.
    private var failed: Set<Int> = []
    /// The operations that Autotask denied to the API user: they are not tried with the next service.
    private var denied: [JournalEntry.Operation: JobError] = [:]
    /// The number of steps that are still to be made.
    private var remaining = 0
    /// Plan indices of services that have a temporary name now.
    private var detoured: Set<Int> = []
    /// Plan indices of services whose write Autotask answered with an unknown text, and why the batch continues in another attempt.
    private var unrecognized: (indices: Set<Int>, interruption: Interruption?) = ([], nil)

    /// - Parameters:
    ///   - deadline: no further write is begun after it.
    ///   - ending: what the attempt has found out so far.
    init(
        _ context: JobContext,
        _ session: TenantSession,
        _ preparation: SyncPreparation,
        _ steps: [ServiceStep],
        until deadline: Timestamp,
        recording ending: SyncEnding
    ) {
        self.context = context
        self.session = session
        self.preparation = preparation
        self.steps = steps
        self.deadline = deadline
        self.ending = ending
    }

    /// Makes the writes in the order of their turns, reads back what was written, and ends the attempt.
    @inline(never)
    mutating func outcome(of turns: [RenameOrder.Turn]) async throws(StoreError) -> HandlerOutcome {
        var interruption = try await run(turns)
        if interruption == nil, !written.isEmpty {
            let query = ServiceQuery(ids: written.map(\.serviceID), markerField: preparation.metadata.markerField)
            do { verify(try await session.services(query)) } catch { interruption = Interruption(error) }
        }
        if interruption?.isPassing != true { settle() }
        if case .superseded? = interruption, !context.job.hasWritten, written.isEmpty, unrecognized.indices.isEmpty {
            return ending.superseded(interruption?.error ?? JobError(.superseded))
        }
        return ending.outcome(interruption)
    }

    /// Takes the turns one by one.
    ///
    /// - Returns: why it stopped early, if it did. The journal also holds what was written until then.
    private mutating func run(_ turns: [RenameOrder.Turn]) async throws(StoreError) -> Interruption? {
        guard !turns.isEmpty else { return nil }
        context.offer(.syncStarted, ["total": JSON(steps.count)])
        for case .write(let index) in turns {
            ending.journal.intend(steps[index], at: context.now)
            remaining += 1
        }
        for turn in turns {
            switch turn {
            case .detour(let index):
                if let interruption = try await detour(steps[index]) { return interruption }
            case .write(let index):
                if let interruption = try await apply(steps[index]) { return interruption }
                remaining -= 1
                if !unrecognized.indices.contains(index) { offerProgress(steps[index]) }
            }
        }
        // Only the read-back is left, so neither a waiting reset nor a pause stops the batch here.
        _ = try await context.journal(ending.journal.takeUnsaved())
        return unrecognized.interruption
    }

    private mutating func apply(_ step: ServiceStep) async throws(StoreError) -> Interruption? {
        guard let write = step.write else { return nil }
        if let error = obstacle(for: step, write) {
            if let interruption = try await restoreName(of: step) { return interruption }
            leaveOut(step, error)
            return nil
        }
        switch try await send(write, of: step) {
        case .done(let serviceID): confirm(step, serviceID: serviceID)
        case .failed(let failure): return await handle(failure, of: step, write)
        case .notSent(let interruption): return interruption
        }
        return nil
    }

    private enum Sending {
        case done(serviceID: Int64)
        case failed(CallFailure)
        case notSent(Interruption)
    }

    /// Makes one write. The journal records it before it is sent.
    private mutating func send(_ write: ServiceWrite, of step: ServiceStep) async throws(StoreError) -> Sending {
        // While a service has a temporary name, the batch continues: nothing else would give it its own name.
        let mayStop = detoured.isEmpty
        if mayStop, context.now >= deadline {
            return .notSent(.transient(JobError(.timeout, "The sync takes longer than one attempt may. It continues soon."), earliest: nil))
        }
        if mayStop, ShutdownSignal.wasGiven { return .notSent(.parked) }
        ending.journal.send(step, write, at: context.now)
        if let stop = try await context.journal(ending.journal.takeUnsaved()), mayStop {
            ending.journal.withdraw(step, nil, at: context.now)
            return .notSent(stop == .reset ? .superseded : .parked)
        }
        do { return .done(serviceID: try await session.write(write)) } catch { return .failed(error) }
    }

    // MARK: Temporary names

    /// Gives the service a temporary name, so that another service can take its present one.
    private mutating func detour(_ step: ServiceStep) async throws(StoreError) -> Interruption? {
        guard let write = step.detour else { return nil }
        if let error = denied[write.operation] {
            leaveOut(step, error)
            return nil
        }
        switch try await send(write, of: step) {
        case .done(let serviceID):
            ending.journal.confirm(step, serviceID: serviceID, at: context.now)
            detoured.insert(step.index)
            return nil
        case .failed(let failure): return await handle(failure, of: step, write)
        case .notSent(let interruption): return interruption
        }
    }

    /// Gives a service that cannot get its new name its old one back, unless another service has that now.
    private mutating func restoreName(of step: ServiceStep) async throws(StoreError) -> Interruption? {
        guard detoured.contains(step.index), let service = step.service,
            !written.contains(where: { steps[$0.index].prerequisites.contains(step.index) })
        else { return nil }
        switch try await send(ServiceWrite(id: service.id, fields: ManagedFields(name: service.name)), of: step) {
        case .done(let serviceID):
            ending.journal.confirm(step, serviceID: serviceID, at: context.now)
            detoured.remove(step.index)
            return nil
        case .failed(let failure) where failure.isOutcomeUnknown: return unsettled(failure, of: step)
        case .failed(let failure) where failure.consequence == .refused: return nil
        case .failed(let failure):
            ending.journal.withdraw(step, failure.error, at: context.now)
            return Interruption(failure)
        case .notSent(let interruption): return interruption
        }
    }

    // MARK: Failures

    /// Decides what a failed write means for its service and for the batch.
    private mutating func handle(
        _ failure: CallFailure,
        of step: ServiceStep,
        _ write: ServiceWrite
    ) async -> Interruption? {
        if failure.isOutcomeUnknown {
            if ending.journal.isAnsweredAgain(failure.cause?.answerMark, step) { return refuseForGood(step, failure) }
            return goOn(after: step, failure, unsettled(failure, of: step))
        }
        guard failure.consequence == .refused else {
            ending.journal.withdraw(step, failure.error, at: context.now)
            return Interruption(failure)
        }
        switch failure.cause?.kind {
        case .duplicateName:
            await resolveNameConflict(failure, of: step, write)
        case .permissionDenied:
            denied[write.operation] = failure.error
            reject(step, failure.error)
        default:
            reject(step, failure.error)
        }
        return nil
    }

    /// Autotask still answers, so the other services can be written before this write is settled, unless one of them needs the name that it
    /// frees.
    ///
    /// - Returns: `nil` if the batch continues; it is then interrupted at its end.
    private mutating func goOn(after step: ServiceStep, _ failure: CallFailure, _ interruption: Interruption) -> Interruption? {
        guard failure.cause?.kind == .unrecognized, detoured.isEmpty, step.detour == nil,
            !steps.contains(where: { $0.prerequisites.contains(step.index) })
        else { return interruption }
        unrecognized.indices.insert(step.index)
        unrecognized.interruption = interruption
        return nil
    }

    /// The write got the same answer twice, and had no effect in between.
    private mutating func refuseForGood(_ step: ServiceStep, _ failure: CallFailure) -> Interruption? {
        guard let cause = failure.cause else { return Interruption(failure) }
        reject(step, cause.refusal)
        // A proxy would answer the next service's write in the same way.
        return cause.kind == .malformedResponse ? .fatal(cause.refusal) : nil
    }

    /// The write may have taken effect, or may do so later, so the journal keeps it as sent. A create is looked up before it may be
    /// repeated. An update is compared again before any other value is written.
    private mutating func unsettled(_ failure: CallFailure, of step: ServiceStep) -> Interruption {
        ending.journal.leaveOpen(step, failure.error, at: context.now)
        ending.journal.note(answer: failure.cause?.answerMark, to: step)
        ending.ledger.leaveOpen(step)
        let settled = context.now + context.settings.settleTime
        guard case .retry(let earliest?) = failure.consequence else { return .transient(failure.error, earliest: settled) }
        return .transient(failure.error, earliest: max(settled, earliest))
    }

    /// Finds the holder of the name that Autotask refused as taken. It may be this service's own create, committed late.
    private mutating func resolveNameConflict(_ failure: CallFailure, of step: ServiceStep, _ write: ServiceWrite) async {
        let name = write.fields[.name] == nil ? step.desired.name : write.fields.name
        var query = ServiceQuery(names: [name], markerField: preparation.metadata.markerField)
        var marker: String?
        if write.id == nil, let own = write.marker {
            query.markers = [own.value]
            marker = own.value
        }
        let found: [AutotaskService]
        do { found = try await session.services(query) } catch {
            // Then the refusal does not name the holder.
            return reject(step, failure.error)
        }
        if let marker, let own = found.filter({ $0.marker == marker }).min(by: { $0.id < $1.id }) {
            return confirm(step, serviceID: own.id)
        }
        // A service that Autotask finds under the name holds it, in any collation.
        let others = found.filter { $0.id != step.service?.id }
        let holder = others.first { NameKey($0.name) == NameKey(name) } ?? others.first
        let twin = holder.flatMap { holder in
            steps.first { $0.service?.id == holder.id } ?? written.first { $0.serviceID == holder.id }.map { steps[$0.index] }
        }
        var error =
            twin.map { JobError(nameOf: step.desired, equals: $0.desired) } ?? holder.map { JobError(nameOf: step.desired, heldBy: $0) }
            ?? JobError(.notVisible, field: "name")
        error.remote = failure.error.remote
        reject(step, error)
    }

    /// Why a step is not tried at all.
    private func obstacle(for step: ServiceStep, _ write: ServiceWrite) -> JobError? {
        // It could not give up its own name, which the ledger reports already.
        if step.detour != nil, failed.contains(step.index) { return ending.ledger.results[step.index].error }
        if let error = denied[write.operation] { return error }
        guard let holder = step.prerequisites.first(where: failed.contains), let service = steps[holder].service else { return nil }
        return JobError(nameOf: step.desired, heldBy: service)
    }

    // MARK: Records

    private mutating func confirm(_ step: ServiceStep, serviceID: Int64) {
        detoured.remove(step.index)
        ending.journal.confirm(step, serviceID: serviceID, at: context.now)
        ending.ledger.confirm(step, serviceID: serviceID)
        written.append((step.index, serviceID))
    }

    private mutating func reject(_ step: ServiceStep, _ error: JobError) {
        var error = error
        if hasTemporaryName(step) { error.addTemporaryName() }
        ending.journal.refuse(step, error, at: context.now)
        ending.ledger.learn(step)
        ending.ledger.reject(step, error)
        failed.insert(step.index)
    }

    private mutating func leaveOut(_ step: ServiceStep, _ error: JobError) {
        failed.insert(step.index)
        if hasTemporaryName(step) {
            var error = error
            error.addTemporaryName()
            return keepTemporaryName(of: step, error)
        }
        if step.detour != nil {
            ending.journal.settle(step.key, at: context.now)
            ending.ledger.learn(step)
        }
        ending.ledger.leaveOut(step, error)
    }

    /// Whether the service has a temporary name from this attempt or an earlier one.
    private func hasTemporaryName(_ step: ServiceStep) -> Bool { detoured.contains(step.index) || step.hasTemporaryName }

    /// The batch cannot give a service its name: the temporary one stays.
    private mutating func keepTemporaryName(of step: ServiceStep, _ error: JobError) {
        ending.ledger.learn(step)
        ending.ledger.reject(step, error)
        ending.journal.settle(step.key, at: context.now)
    }

    /// Publishes progress. A service that Autotask confirmed is reported as synced, so that the page shows it. The event at the job's end,
    /// after the read-back, is authoritative.
    private func offerProgress(_ step: ServiceStep) {
        let status: ServiceStatus = failed.contains(step.index) ? ending.ledger.results[step.index].status : .synced
        context.offer(
            .syncProgress,
            [
                "done": JSON(steps.count - remaining),
                "total": JSON(steps.count),
                "serviceKey": .string(step.key),
                "status": .string(status.rawValue),
            ]
        )
    }
}

extension SyncApplication {
    /// Compares what was read back after the last write with what was written.
    private mutating func verify(_ services: [AutotaskService]) {
        let found = Dictionary(services.map { ($0.id, $0) }) { first, _ in first }
        let hasWrittenCost = written.contains { steps[$0.index].write?.hasCost == true && found[$0.serviceID] != nil }
        let costs = preparation.costs.learning(from: services, hasWrittenCost: hasWrittenCost)
        ending.costs = costs
        for (index, id) in written {
            let step = steps[index]
            guard let service = found[id] else {
                contradict(step, JobError(isMissing: step))
                continue
            }
            let target = step.desired.fields
            let differing = service.fields.differences(to: target, costs: costs)
            if differing.isEmpty {
                ending.journal.settle(step.key, at: context.now)
                ending.ledger.verify(step, service, costs: costs, at: context.now)
            } else {
                ending.ledger.learn(step, service, except: differing)
                contradict(step, JobError(service.fields.changes(of: differing, to: target, preparation.metadata)))
            }
        }
    }

    private mutating func contradict(_ step: ServiceStep, _ error: JobError) {
        ending.journal.contradict(step, error, at: context.now)
        ending.ledger.reject(step, error)
    }

    /// Settles the journal at the job's end: entries of services that needed no write, and of planned writes that will not be sent. A write
    /// with an unknown outcome stays open, and its service reports that.
    private mutating func settle() {
        for index in unrecognized.indices { ending.ledger.leaveOut(steps[index], JobError(.outcomeUnknown)) }
        for index in detoured.sorted() where !failed.contains(index) { keepTemporaryName(of: steps[index], .leftWithTemporaryName) }
        for step in steps where step.write == nil { ending.journal.settleUnwritten(step, at: context.now) }
        ending.journal.settleIntended(at: context.now)
    }
}

extension JobError {
    /// The error for a service that was written and cannot be read.
    fileprivate init(isMissing step: ServiceStep) {
        switch step.write?.operation {
        case .create: self.init(.notVisible, serviceKey: step.key)
        default: self.init(.remoteRejected, "The service no longer exists in Autotask.", serviceKey: step.key)
        }
    }

    /// The error for a service that does not show what was written.
    fileprivate init(_ differences: [FieldChange]) {
        let fields = differences.map(\.field).joined(separator: ", ")
        self.init(.remoteRejected, "Autotask accepted the change but shows other values: \(fields).", field: differences.first?.field)
    }
}
