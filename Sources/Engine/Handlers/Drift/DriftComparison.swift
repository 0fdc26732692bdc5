import Autotask
import Contract
import Store

/// Compares what was synced with what Autotask shows now (`Rules` L31, L37). Pure.
struct DriftComparison {
    /// Every service that a sync has seen in Autotask, ordered by plan and key. A service whose last write is not settled is left out,
    /// because its binding may not hold what was written yet. The next sync settles it.
    let synced: [(binding: ServiceBinding, last: AutotaskService)]

    /// - Parameter bindings: the bindings of all plans, without those that have an unsettled write.
    init(_ bindings: [ServiceBinding]) {
        synced = bindings.compactMap { binding in
            guard let id = binding.autotaskServiceID, let last = binding.lastSeen else { return nil }
            return (binding, AutotaskService(id: id, fields: last.fields, isActive: last.isActive, marker: nil))
        }
        .sorted { ($0.binding.planID, $0.binding.serviceKey) < ($1.binding.planID, $1.binding.serviceKey) }
    }

    /// The ids of the services to read, each once.
    var serviceIDs: [Int64] { Set(synced.map(\.last.id)).sorted() }

    /// - Parameters:
    ///   - services: the services of ``serviceIDs`` that Autotask shows.
    ///   - codes: billing codes, including those of the services as far as they are known.
    ///   - remembersCost: ``Capabilities/costVisible``, from the last sync.
    func result(_ services: [AutotaskService], codes: [BillingCode], metadata: ServiceFields, remembersCost: Bool?) -> [DriftedService] {
        let shown = Dictionary(services.map { ($0.id, $0) }) { first, _ in first }
        let inactiveCodes = Set(codes.lazy.filter { !$0.isActive }.map(\.id))
        // If no service shows a cost, the API user has more likely lost the right to see costs than somebody has emptied them all. If costs
        // are known to be hidden, Autotask shows them as zero. Otherwise a zero that replaced another cost is a change.
        let costs: CostVisibility =
            if remembersCost == false {
                CostVisibility(services, remembered: false)
            } else {
                services.contains { $0.fields.unitCost != nil } ? .shown : .hidden
            }
        return synced.map { binding, last in
            var drifted = DriftedService(
                planID: binding.planID,
                key: binding.serviceKey,
                name: last.name,
                autotaskServiceID: last.id,
                state: .gone
            )
            guard let service = shown[last.id] else { return drifted }
            drifted.isActive = service.isActive
            drifted.changes = changes(last, service, costs: costs, metadata: metadata, remembersCost: remembersCost)
            drifted.state = drifted.changes.isEmpty ? .unchanged : .edited
            drifted.warnings = warnings(service, key: binding.serviceKey, inactiveCodes: inactiveCodes)
            return drifted
        }
    }

    private func changes(
        _ last: AutotaskService,
        _ service: AutotaskService,
        costs: CostVisibility,
        metadata: ServiceFields,
        remembersCost: Bool?
    ) -> [FieldChange] {
        // A cost that was hidden at the last sync cannot be compared with one that is visible now.
        let wasCostHidden = last.fields.unitCost == nil && remembersCost == false
        let edited = service.fields.differences(to: last.fields, costs: costs).filter { !(wasCostHidden && $0 == .unitCost) }
        var changes = last.fields.changes(of: edited, to: service.fields, metadata)
        if let before = last.isActive, let isActive = service.isActive, before != isActive {
            changes.append(FieldChange(field: "active", from: .bool(before), to: .bool(isActive)))
        }
        return changes
    }

    private func warnings(_ service: AutotaskService, key: String, inactiveCodes: Set<Int64>) -> [Warning] {
        var warnings: [Warning] = []
        if service.isActive == false {
            warnings.append(Warning(.serviceInactive, "The service is inactive in Autotask.", field: "active", serviceKey: key))
        }
        if let code = service.fields.billingCodeID, inactiveCodes.contains(code) {
            warnings.append(
                Warning(
                    .billingCodeInactive,
                    "The billing code \(code) of the service was inactivated in Autotask. The service keeps it; choose another for new ones.",
                    field: "billingCodeId",
                    serviceKey: key
                )
            )
        }
        return warnings
    }
}
