import Autotask
import Contract
import Store

/// The first phase: compares the whole plan with Autotask, and decides what is to be written, or that nothing may be. Pure.
struct SyncPlanner {
    let plan: [PlanService]
    let memory: PlanMemory
    let validation: PlanValidation
    let matching: ServiceMatching
    let metadata: ServiceFields
    let costs: CostVisibility
    /// In the plan's order; `nil` where the tenant has no field for them.
    let markers: [String]?

    /// The billing codes that some service is to be set to, each once. One that a service keeps needs no look: Autotask lets it keep even
    /// an inactive one.
    var newBillingCodes: [Int64] {
        var codes: [Int64] = []
        for (desired, match) in zip(validation.services, matching.matches) {
            guard let desired, match.service?.billingCodeID != desired.billingCodeID, !codes.contains(desired.billingCodeID) else {
                continue
            }
            codes.append(desired.billingCodeID)
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
            if let error = holders.foreign.map({ JobError(nameOf: desired, heldBy: $0) })
                ?? visibilityError(of: desired, match) ?? periodError(of: desired, match)
                ?? billingCodeError(of: desired, match, codes)
            {
                errors[index] = error
                continue
            }
            if !holders.ours.isEmpty { prerequisites[index] = holders.ours }
            steps.append(step(for: desired, at: index, match, after: holders.ours))
        }
        let renames = RenameOrder(count: plan.count, prerequisites: prerequisites)
        for index in renames.cyclic where errors[index] == nil { errors[index] = circularName(at: index, prerequisites) }
        guard errors.isEmpty else { return .invalid(errors) }
        return .steps(steps, order: renames.order.filter { steps[$0].write != nil })
    }

    // MARK: Steps

    private func step(for desired: DesiredService, at index: Int, _ match: ServiceMatching.Match, after prerequisites: [Int]) -> ServiceStep
    {
        let marker = markers.flatMap { markers in metadata.markerField.map { ServiceMarker(field: $0, value: markers[index]) } }
        let warnings = warnings(of: desired, match)
        guard let service = match.service else {
            let new = NewService(
                name: desired.name,
                unitPrice: desired.unitPrice,
                unitCost: desired.unitCost,
                billingCodeID: desired.billingCodeID,
                periodType: desired.periodType,
                marker: marker
            )
            return ServiceStep(
                index: index,
                desired: desired,
                service: nil,
                write: .create(new),
                outcome: match.outcome,
                warnings: warnings,
                prerequisites: prerequisites
            )
        }
        let target = ManagedFields(desired)
        let current = ManagedFields(service)
        let differing = current.differences(to: target, costs: costs)
        guard !differing.isEmpty else {
            return ServiceStep(
                index: index,
                desired: desired,
                service: service,
                write: nil,
                outcome: match.outcome,
                changes: match.outcome == .updated ? changesSinceLastSync(of: desired) : [],
                warnings: warnings
            )
        }
        var patch = ServicePatch(desired, differing)
        // Only a service that is written anyway gets a marker that it lacks; another's value is never replaced.
        if service.marker == nil { patch.marker = marker }
        return ServiceStep(
            index: index,
            desired: desired,
            service: service,
            write: .update(id: service.id, patch),
            outcome: match.outcome == .unchanged ? .updated : match.outcome,
            changes: differing.map { current.change(of: $0, to: target, metadata) },
            overwritten: edited(current, differing, of: desired.key).map { current.change(of: $0, to: target, metadata) },
            warnings: warnings,
            prerequisites: prerequisites
        )
    }

    /// Those of the fields that somebody changed in Autotask since they were last synced.
    private func edited(_ current: ManagedFields, _ fields: [ManagedField], of key: String) -> [ManagedField] {
        guard let last = memory.binding(key)?.lastSynced.flatMap(ManagedFields.init(encoded:)) else { return [] }
        let edited = current.differences(to: last, costs: last.unitCost == nil ? .hidden : costs)
        return fields.filter { edited.contains($0) }
    }

    /// What an attempt before this one wrote and could not tell.
    private func changesSinceLastSync(of desired: DesiredService) -> [FieldChange] {
        guard let last = memory.binding(desired.key)?.lastSynced.flatMap(ManagedFields.init(encoded:)) else { return [] }
        let target = ManagedFields(desired)
        return last.differences(to: target, costs: costs).map { last.change(of: $0, to: target, metadata) }
    }

    private func warnings(of desired: DesiredService, _ match: ServiceMatching.Match) -> [Warning] {
        var warnings: [Warning] = []
        if match.outcome == .recreated {
            warnings.append(
                Warning(
                    .serviceRecreated,
                    "The service was gone in Autotask and was created anew. Contracts do not point to it.",
                    serviceKey: desired.key
                )
            )
        }
        if !match.duplicates.isEmpty {
            let ids = match.duplicates.map(String.init).joined(separator: ", ")
            warnings.append(
                Warning(
                    .duplicateService,
                    "Further services in Autotask carry this one's mark and are left alone: id \(ids).",
                    serviceKey: desired.key
                )
            )
        }
        if desired.unitCost > desired.unitPrice {
            warnings.append(
                Warning(.negativeMargin, "The unit cost is higher than the unit price.", field: "unitCost", serviceKey: desired.key)
            )
        }
        return warnings
    }

    // MARK: Errors

    /// A service that was created and then did not show is not created over and over.
    private func visibilityError(of desired: DesiredService, _ match: ServiceMatching.Match) -> JobError? {
        guard match.service == nil, memory.serviceID(desired.key) != nil else { return nil }
        let write = memory.openWrite(desired.key)
        let wasJustCreated = write?.operation == .create && write?.state == .confirmed
        guard wasJustCreated || memory.binding(desired.key)?.lastErrorCode == .notVisible else { return nil }
        return JobError(.notVisible, serviceKey: desired.key)
    }

    private func periodError(of desired: DesiredService, _ match: ServiceMatching.Match) -> JobError? {
        guard !metadata.isPeriodUpdatable, let period = match.service?.periodType, period != desired.periodType else { return nil }
        return JobError(
            .periodMismatch,
            "The billing period of \"\(desired.name)\" differs in Autotask and cannot be changed there.",
            field: "period",
            serviceKey: desired.key
        )
    }

    private func billingCodeError(of desired: DesiredService, _ match: ServiceMatching.Match, _ codes: [Int64: BillingCode]) -> JobError? {
        guard match.service?.billingCodeID != desired.billingCodeID else { return nil }
        func error(_ code: ErrorCode, _ message: String) -> JobError {
            JobError(code, message, field: "billingCodeId", serviceKey: desired.key)
        }
        guard let code = codes[desired.billingCodeID] else {
            return error(
                .billingCodeNotFound,
                "The billing code \(desired.billingCodeID) of \"\(desired.name)\" does not exist in Autotask."
            )
        }
        if !code.isRecurringService {
            return error(.billingCodeWrongType, "The billing code \"\(code.name)\" of \"\(desired.name)\" is not a recurring-service code.")
        }
        return code.isActive
            ? nil : error(.billingCodeInactive, "The billing code \"\(code.name)\" of \"\(desired.name)\" is inactive in Autotask.")
    }

    /// Two services that are to exchange names cannot do so in one step, since names are unique at every moment.
    private func circularName(at index: Int, _ prerequisites: [Int: [Int]]) -> JobError? {
        guard let desired = validation.services[index], let holder = prerequisites[index]?.first,
            let service = matching.matches[holder].service
        else { return nil }
        return JobError(
            nameOf: desired,
            heldBy: service,
            hint:
                "Services of the plan are to exchange their names: give one of them another name and synchronize, then give it its final name."
        )
    }
}

extension ServicePatch {
    fileprivate init(_ desired: DesiredService, _ fields: [ManagedField]) {
        self.init()
        for field in fields {
            switch field {
            case .name: name = desired.name
            case .unitPrice: unitPrice = desired.unitPrice
            case .unitCost: unitCost = desired.unitCost
            case .billingCodeID: billingCodeID = desired.billingCodeID
            case .period: periodType = desired.periodType
            }
        }
    }
}
