import Autotask
import Contract
import Store
import Vault

/// The result of the first phase.
enum PlannedSync {
    /// Every service is valid: one step for each, in the plan's order, and the turns of those that write, in a safe order.
    case steps([ServiceStep], turns: [RenameOrder.Turn])
    /// Errors by plan index: nothing may be written. The steps are what would be done for the valid services.
    case invalid([Int: JobError], valid: [ServiceStep])
}

/// The first phase: compares the whole plan with Autotask, and decides what to write, or that nothing may be written. Pure.
struct SyncPlanner {
    let plan: [PlanService]
    let memory: PlanMemory
    let validation: PlanValidation
    let matching: ServiceMatching
    let metadata: ServiceFields
    let costs: CostVisibility
    /// In the plan's order, even if the tenant has no field for them.
    let markers: [OwnershipMarker]
    /// The services that Autotask finds under the plan's names by its own comparison.
    var answers = NameAnswers()
    var adoption = Adoption.none
    var brake = Brake()
    /// Whether the job has written in an earlier attempt.
    var hasWritten = false

    /// The billing codes that services are to be set to, each once. A code that a service keeps is not checked: Autotask lets a service
    /// keep even an inactive one.
    var newBillingCodes: [Int64] {
        var codes: [Int64] = []
        for (desired, match) in zip(validation.services, matching.matches) {
            guard let code = desired?.fields.billingCodeID, match.service?.fields.billingCodeID != code, !codes.contains(code) else {
                continue
            }
            codes.append(code)
        }
        return codes
    }

    /// - Parameter billingCodes: those of ``newBillingCodes`` that exist.
    func planned(billingCodes: [BillingCode]) -> PlannedSync {
        var errors = validation.errors
        let names = NameHolders(self)
        let codes = Dictionary(billingCodes.map { ($0.id, $0) }) { first, _ in first }
        var steps: [ServiceStep] = []
        steps.reserveCapacity(plan.count)
        var prerequisites: [Int: [Int]] = [:]
        for (index, desired) in validation.services.enumerated() {
            guard let desired else { continue }
            let match = matching.matches[index]
            let holders = names.holders(of: desired, at: index)
            if let error = adoption.error(at: index, match, services: matching.services, marker: markers[index])?.about(desired.key)
                ?? holders.foreign.map({ JobError(nameOf: desired, heldBy: $0) })
                ?? holders.twin.map({ JobError(nameOf: desired, equals: $0) })
                ?? visibilityError(of: desired, match) ?? periodError(of: desired, at: index, match)
                ?? billingCodeError(of: desired, match, codes)
            {
                errors[index] = error
                continue
            }
            if !holders.ours.isEmpty { prerequisites[index] = holders.ours }
            steps.append(step(for: desired, at: index, match, after: holders.ours))
        }
        guard errors.isEmpty else { return .invalid(errors, valid: steps) }
        let turns = RenameOrder(count: plan.count, prerequisites: prerequisites).turns
        for case .detour(let index) in turns { steps[index].detour = detour(of: steps[index]) }
        return .steps(
            steps,
            turns: turns.filter { turn in
                switch turn {
                case .detour: true
                case .write(let index): steps[index].write != nil
                }
            }
        )
    }

    // MARK: Steps

    private func step(for desired: DesiredService, at index: Int, _ match: ServiceMatching.Match, after prerequisites: [Int]) -> ServiceStep
    {
        let marker = metadata.markerField.map { ServiceMarker(field: $0, value: markers[index].value) }
        let warnings = StepWarnings(brake: brake, costs: costs)
        guard let service = match.service else {
            return ServiceStep(
                index: index,
                desired: desired,
                service: nil,
                write: ServiceWrite(fields: desired.fields, marker: marker),
                outcome: match.outcome,
                warnings: warnings.warnings(of: desired, match, lastPrice: lastSynced(desired.key)?.unitPrice, overwritten: []),
                prerequisites: prerequisites
            )
        }
        let target = desired.fields
        let differing = service.fields.differences(to: target, costs: costs)
        var write = ServiceWrite(id: service.id, fields: target.only(differing))
        // A foreign marker is never replaced. A service that needs no other write gets no marker, unless it is being linked.
        let mayMark = service.marker.map { $0 == markers[index].former || adoption.mayReplace($0) } ?? true
        if mayMark, !differing.isEmpty || adoption.wanted[index] != nil { write.marker = marker }
        let needsNoWrite = write.isEmpty
        let writes = OwnWrites(memory.openWrite(desired.key))
        if needsNoWrite, writes.all.isEmpty {
            let warnings = warnings.warnings(of: desired, match, lastPrice: nil, overwritten: [])
            return ServiceStep(index: index, desired: desired, service: service, write: nil, outcome: match.outcome, warnings: warnings)
        }
        let last = lastSynced(desired.key)
        let history = ServiceHistory(
            service.fields,
            last: last,
            writes,
            temporary: TemporaryName(marker: markers[index].value),
            target: target,
            costs: costs,
            metadata
        )
        let changes = history.changes(to: target)
        let overwritten = history.overwritten(by: target)
        return ServiceStep(
            index: index,
            desired: desired,
            service: service,
            write: needsNoWrite ? nil : write,
            history: history,
            outcome: outcome(match, isWritten: !needsNoWrite, changes),
            changes: changes,
            overwritten: overwritten,
            warnings: warnings.warnings(
                of: desired,
                match,
                lastPrice: needsNoWrite ? nil : last?.unitPrice,
                overwritten: overwritten,
                isOverridden: !history.overridesPresentEdit(target)
            ),
            prerequisites: needsNoWrite ? [] : prerequisites
        )
    }

    private func outcome(_ match: ServiceMatching.Match, isWritten: Bool, _ changes: [FieldChange]) -> ServiceOutcome {
        switch match.outcome {
        case .unchanged where isWritten: .updated
        // An earlier sync's write that changed nothing is no update of this one.
        case .updated where !isWritten && changes.isEmpty && !hasWritten: .unchanged
        default: match.outcome
        }
    }

    /// The last synced values of a service, as planned and as Autotask showed them; `nil` if it was never synced.
    private func lastSynced(_ key: String) -> ManagedFields? {
        memory.binding(key)?.lastSeen?.fields
    }

    /// The write that gives a service a temporary name.
    private func detour(of step: ServiceStep) -> ServiceWrite? {
        step.service.map { service in
            let name = TemporaryName(marker: markers[step.index].value).text(for: service.name, maximumLength: metadata.maximumNameLength)
            return ServiceWrite(id: service.id, fields: ManagedFields(name: name))
        }
    }

    // MARK: Errors

    /// The error for a created service that did not appear in Autotask: it is not created again and again.
    private func visibilityError(of desired: DesiredService, _ match: ServiceMatching.Match) -> JobError? {
        guard match.service == nil, memory.serviceID(desired.key) != nil else { return nil }
        let write = memory.openWrite(desired.key)
        let wasJustCreated = write?.operation == .create && write?.state == .confirmed
        guard wasJustCreated || memory.binding(desired.key)?.lastErrorCode == .notVisible else { return nil }
        return JobError(.notVisible, serviceKey: desired.key)
    }

    /// The error for a period that cannot change. A service that is linked explicitly must have it already: its contracts are billed by it.
    private func periodError(of desired: DesiredService, at index: Int, _ match: ServiceMatching.Match) -> JobError? {
        guard let period = match.service?.fields.periodType, period != desired.fields.periodType,
            !metadata.isPeriodUpdatable || adoption.wanted[index] != nil
        else { return nil }
        return JobError(
            .periodMismatch,
            "The billing period of \"\(desired.name)\" differs in Autotask and cannot be changed there.",
            field: "period",
            serviceKey: desired.key
        )
    }

    private func billingCodeError(of desired: DesiredService, _ match: ServiceMatching.Match, _ codes: [Int64: BillingCode]) -> JobError? {
        guard let id = desired.fields.billingCodeID, match.service?.fields.billingCodeID != id else { return nil }
        func error(_ code: ErrorCode, _ message: String) -> JobError {
            JobError(code, message, field: "billingCodeId", serviceKey: desired.key)
        }
        guard let code = codes[id] else {
            return error(
                .billingCodeNotFound,
                "The billing code \(id) of \"\(desired.name)\" does not exist in Autotask."
            )
        }
        if !code.isRecurringService {
            return error(.billingCodeWrongType, "The billing code \"\(code.name)\" of \"\(desired.name)\" is not a recurring-service code.")
        }
        return code.isActive
            ? nil : error(.billingCodeInactive, "The billing code \"\(code.name)\" of \"\(desired.name)\" is inactive in Autotask.")
    }
}
