import Autotask
import Contract
import Store
import Vault

/// What is known of every service of the plan: first what the lane remembers, in the end what the event reports.
struct SyncLedger {
    /// In the plan's order.
    private(set) var results: [ServiceResult]
    /// By plan index, the bindings that have changed.
    private var changed: [Int: ServiceBinding] = [:]
    /// Plan indices of services that have a temporary name from an earlier attempt.
    private var renamed: Set<Int> = []
    private let memory: PlanMemory
    private let brake: Brake

    /// - Parameter markers: the lane's, if the journal's open writes are this job's own, from an earlier attempt, and have to be reported.
    init(_ plan: [PlanService], memory: PlanMemory, brake: Brake, recallingWith markers: OwnershipMarkers? = nil) {
        self.memory = memory
        self.brake = brake
        results = plan.map { service in
            ServiceResult(
                key: service.key,
                name: service.name,
                status: memory.status(service.key),
                outcome: .notAttempted,
                autotaskServiceID: memory.serviceID(service.key)
            )
        }
        guard let markers else { return }
        for index in results.indices { memory.openWrite(results[index].key).map { recall($0, at: index, markers) } }
    }

    /// Restores what an earlier attempt did, as far as the journal knows.
    private mutating func recall(_ write: JournalEntry, at index: Int, _ markers: OwnershipMarkers) {
        let bound = memory.binding(write.serviceKey)?.autotaskServiceID
        switch (write.state, write.operation) {
        case (.sent, _): results[index].error = JobError(.outcomeUnknown, serviceKey: write.serviceKey)
        case (.confirmed, .create): results[index].outcome = bound == nil ? .created : .recreated
        case (.confirmed, .update):
            results[index].outcome = .updated
            let writes = OwnWrites(write)
            let marker = markers.marker(planID: memory.planID, serviceKey: write.serviceKey).value
            guard let last = writes.last, TemporaryName(marker: marker).isUsed(in: last.name) else { return }
            if let known = memory.binding(write.serviceKey)?.lastSeen?.fields {
                // Each earlier value was seen in Autotask before the name was written.
                remember(writes.all.dropLast().reduce(known) { $1.values.applied(to: $0) }, at: index)
            }
            keepTemporaryName(index)
        case (.intended, _), (.verified, _): break
        }
    }

    /// The keys of services that have a temporary name from an earlier attempt.
    var keysWithTemporaryName: [String] { renamed.sorted().map { results[$0].key } }

    private mutating func keepTemporaryName(_ index: Int) {
        renamed.insert(index)
        fail(index, .rejected, .leftWithTemporaryName, serviceID: results[index].autotaskServiceID)
    }

    /// Forgets a temporary name that the service no longer has.
    private mutating func dropTemporaryName(_ index: Int) {
        guard renamed.remove(index) != nil else { return }
        changed[index] = nil
        results[index].status = memory.status(results[index].key)
        results[index].outcome = .notAttempted
        results[index].error = nil
    }

    /// Bindings that have changed, in the plan's order.
    var bindings: [ServiceBinding] { changed.sorted { $0.key < $1.key }.map(\.value) }

    // MARK: The first phase

    /// Notes that the service cannot be written as planned.
    mutating func invalidate(_ index: Int, _ error: JobError) {
        fail(index, .invalid, error, serviceID: results[index].autotaskServiceID)
    }

    /// Notes services that an earlier sync wrote with an unknown outcome, and that this one does not settle.
    mutating func noteUnknownWrites() {
        for index in results.indices where results[index].error == nil {
            guard let write = memory.openWrite(results[index].key), write.state == .sent else { continue }
            results[index].error = JobError(.outcomeUnknown, serviceKey: write.serviceKey)
        }
    }

    /// Takes the service as it was found in Autotask.
    private mutating func found(_ step: ServiceStep) {
        dropTemporaryName(step.index)
        results[step.index].error = nil
        guard let service = step.service else { return }
        results[step.index].autotaskServiceID = service.id
        results[step.index].isActive = service.isActive
        if step.hasTemporaryName {
            learn(step)
            keepTemporaryName(step.index)
        }
    }

    /// Takes the services as they were found in Autotask. Those that need no write are as the plan wants them.
    mutating func note(_ steps: [ServiceStep], costs: CostVisibility, at now: Timestamp) {
        for step in steps {
            found(step)
            if step.write == nil, let service = step.service { verify(step, service, costs: costs, at: now) }
        }
    }

    /// Holds a step until its warnings, or those of another step, are acknowledged.
    ///
    /// - Parameter error: `nil` if only other steps have warnings to acknowledge.
    mutating func hold(_ step: ServiceStep, _ error: JobError?) {
        found(step)
        results[step.index].warnings = step.warnings
        if step.hasTemporaryName { results[step.index].outcome = .notAttempted }
        guard var error else { return }
        if step.hasTemporaryName { error.message += JobError.temporaryNameText }
        results[step.index].error = error.about(step.key)
    }

    // MARK: The second phase

    /// Notes that Autotask confirmed the step's write. The status changes only after the read-back.
    mutating func confirm(_ step: ServiceStep, serviceID: Int64) {
        dropTemporaryName(step.index)
        note(step)
        results[step.index].autotaskServiceID = serviceID
    }

    /// Notes that Autotask shows what the plan wants.
    mutating func verify(_ step: ServiceStep, _ service: AutotaskService, costs: CostVisibility, at now: Timestamp) {
        note(step)
        let index = step.index
        renamed.remove(index)
        results[index].status = .synced
        results[index].autotaskServiceID = service.id
        results[index].isActive = service.isActive
        if costs == .hidden, step.desired.unitCost != .zero, !step.warnings.contains(where: { $0.code == .costNotStored }) {
            results[index].warnings.append(.costNotStored(step.key, brake))
        }
        // A binding that differs from the old one only in its time is not stored: an unchanged sync costs the store nothing.
        let shown = service.remembered
        if let old = memory.binding(step.key), old.status == .synced, old.autotaskServiceID == service.id, old.lastSynced == shown,
            old.lastErrorCode == nil
        {
            changed[index] = nil
            return
        }
        changed[index] = ServiceBinding(
            planID: memory.planID,
            serviceKey: step.key,
            autotaskServiceID: service.id,
            status: .synced,
            lastSyncedAt: now,
            lastSynced: shown
        )
    }

    /// Takes the worker's own writes that Autotask shows, before the journal forgets them: they are reported, and are no edits for later syncs.
    mutating func learn(_ step: ServiceStep) {
        guard let history = step.history else { return }
        (results[step.index].changes, results[step.index].overwritten) = history.unreported
        if let known = history.known { remember(known, at: step.index) }
    }

    /// Remembers what a read-back shows as it was written.
    mutating func learn(_ step: ServiceStep, _ service: AutotaskService, except differing: [ManagedField]) {
        guard var known = step.history?.known else { return }
        for field in ManagedField.allCases where !differing.contains(field) { known[field] = service.fields[field] }
        remember(known, at: step.index)
    }

    private mutating func remember(_ fields: ManagedFields, at index: Int) {
        guard var binding = changed[index] ?? memory.binding(results[index].key), let last = binding.lastSeen, last.fields != fields else {
            return
        }
        binding.lastSynced = fields.remembered(isActive: last.isActive)
        changed[index] = binding
    }

    /// Notes that Autotask refused the step's write, or does not show what was written.
    mutating func reject(_ step: ServiceStep, _ error: JobError) {
        results[step.index].warnings = step.warnings
        fail(step.index, .rejected, error, serviceID: results[step.index].autotaskServiceID ?? step.service?.id)
    }

    /// Notes that the outcome of the step's write is not known, for the case that this is the last attempt (`Rules` L28).
    mutating func leaveOpen(_ step: ServiceStep) {
        if step.write?.operation == .update { results[step.index].status = .error }
        var error = JobError(.outcomeUnknown)
        if step.hasTemporaryName { error.message += JobError.temporaryNameText }
        leaveOut(step, error)
    }

    /// Leaves the step out, for a reason of its own.
    mutating func leaveOut(_ step: ServiceStep, _ error: JobError) {
        results[step.index].error = error.about(step.key)
    }

    private mutating func note(_ step: ServiceStep) {
        results[step.index].take(step)
        results[step.index].error = nil
    }

    private mutating func fail(_ index: Int, _ outcome: ServiceOutcome, _ error: JobError, serviceID: Int64?) {
        let error = error.about(results[index].key)
        results[index].status = .error
        results[index].outcome = outcome
        results[index].error = error
        let key = results[index].key
        var binding =
            changed[index] ?? memory.binding(key)
            ?? ServiceBinding(planID: memory.planID, serviceKey: key, autotaskServiceID: nil, status: .error)
        binding.autotaskServiceID = serviceID
        binding.status = .error
        binding.lastErrorCode = error.code
        changed[index] = binding == memory.binding(key) ? nil : binding
    }
}

extension JobError {
    /// The error with the key of its service.
    func about(_ key: String) -> JobError {
        var error = self
        error.serviceKey = error.serviceKey ?? key
        return error
    }
}
