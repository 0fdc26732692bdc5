import Autotask
import Contract
import Store

/// Compares what was synced with what Autotask shows now (`Rules` L31, L37). Pure.
struct DriftComparison {
    /// What was synced: every service that a sync has seen in Autotask, by plan and key. One whose last write is not settled is left out, because
    /// what was written may not be remembered yet: the next sync settles it.
    let synced: [(binding: ServiceBinding, last: Service)]

    /// - Parameter bindings: of all plans, those with an unsettled write left out.
    init(_ bindings: [ServiceBinding]) {
        synced = bindings.compactMap { binding in
            guard let id = binding.autotaskServiceID, let last = binding.lastSeen else { return nil }
            return (binding, Service(id: id, fields: last.fields, isActive: last.isActive, marker: nil))
        }
        .sorted { ($0.binding.planID, $0.binding.serviceKey) < ($1.binding.planID, $1.binding.serviceKey) }
    }

    /// The services to read, each once.
    var serviceIDs: [Int64] { Set(synced.map(\.last.id)).sorted() }

    /// - Parameters:
    ///   - services: what Autotask shows of ``serviceIDs``.
    ///   - codes: billing codes, those of the services among them as far as they are known.
    ///   - remembersCost: ``Capabilities/costVisible``, from the last sync.
    func result(_ services: [Service], codes: [BillingCode], metadata: ServiceFields, remembersCost: Bool?) -> [DriftedService] {
        let shown = Dictionary(services.map { ($0.id, $0) }) { first, _ in first }
        let inactiveCodes = Set(codes.lazy.filter { !$0.isActive }.map(\.id))
        // Where no service shows a cost, they look as if somebody had emptied them all: more likely the API user may not see them any more.
        // Where costs are known to be hidden, zeros are how Autotask hides them. Otherwise a zero that was something else before is a change.
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
        _ last: Service,
        _ service: Service,
        costs: CostVisibility,
        metadata: ServiceFields,
        remembersCost: Bool?
    ) -> [FieldChange] {
        // A cost that nobody could see then says nothing of one that is seen now.
        let wasCostHidden = last.fields.unitCost == nil && remembersCost == false
        let edited = service.fields.differences(to: last.fields, costs: costs).filter { !(wasCostHidden && $0 == .unitCost) }
        var changes = last.fields.changes(of: edited, to: service.fields, metadata)
        if let before = last.isActive, let isActive = service.isActive, before != isActive {
            changes.append(FieldChange(field: "active", from: .bool(before), to: .bool(isActive)))
        }
        return changes
    }

    private func warnings(_ service: Service, key: String, inactiveCodes: Set<Int64>) -> [Warning] {
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
