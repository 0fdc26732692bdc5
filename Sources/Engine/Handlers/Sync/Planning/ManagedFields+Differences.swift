import Autotask
import Contract
import Store

extension ManagedFields {
    /// The fields that have to change for `self`, as Autotask shows it, to become `desired`.
    func differences(to desired: ManagedFields, costs: CostVisibility) -> [ManagedField] {
        // Nearly always nothing differs, and then nothing is allocated.
        if self == desired { return [] }
        return ManagedField.allCases.filter { differs($0, from: desired, costs: costs) }
    }

    private func differs(_ field: ManagedField, from desired: ManagedFields, costs: CostVisibility) -> Bool {
        switch field {
        case .name: !NameKey.looksAlike(name, desired.name)
        case .unitCost: costs.differs(unitCost, from: desired.unitCost)
        // A period that Autotask does not show cannot be compared.
        case .period: self[.period] != nil && self[.period] != desired[.period]
        default: self[field] != desired[field]
        }
    }

    /// The changes of fields as events show them.
    func changes(of fields: [ManagedField], to desired: ManagedFields, _ metadata: ServiceFields) -> [FieldChange] {
        fields.map { FieldChange(field: $0.contractName, from: value(of: $0, metadata), to: desired.value(of: $0, metadata)) }
    }

    private func value(of field: ManagedField, _ metadata: ServiceFields) -> JSON {
        guard field == .period else { return self[field]?.json ?? .null }
        return PlanService.Period.allCases.first { metadata.periodType($0) == periodType }.map { .string($0.rawValue) } ?? .null
    }
}

// MARK: - What a binding remembers of a service

extension AutotaskService {
    /// The managed fields, and whether the service is active. Only Autotask sets the latter; it is remembered to report its changes.
    var remembered: [UInt8] { fields.remembered(isActive: isActive) }
}

extension ManagedFields {
    /// See ``Autotask/AutotaskService/remembered``.
    func remembered(isActive: Bool?) -> [UInt8] {
        var output = encoded
        guard let isActive else { return output }
        output.removeLast()
        output.append(contentsOf: ",\"active\":\(isActive)}".utf8)
        return output
    }
}

extension ServiceBinding {
    /// The service as a sync last saw it in Autotask: see ``Autotask/AutotaskService/remembered``. `nil` if no sync did, or if another version of
    /// the program wrote it in another form. `isActive` is `nil` if it is not known.
    var lastSeen: (fields: ManagedFields, isActive: Bool?)? {
        guard let lastSynced, let object = (try? JSON(parsing: lastSynced))?.object, let fields = ManagedFields(object) else { return nil }
        return (fields, object["active"]?.bool)
    }
}
