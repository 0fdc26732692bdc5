import Autotask
import Contract

/// The fields of a service that a sync decides; all others are Autotask's own (`Rules` A9).
struct ManagedFields: Equatable {
    var name: String
    var unitPrice: Money?
    /// `nil` where Autotask shows none, be it empty or hidden.
    var unitCost: Money?
    var billingCodeID: Int64?
    var periodType: Int64?
}

extension ManagedFields {
    init(_ service: Service) {
        self.init(
            name: service.name,
            unitPrice: service.unitPrice,
            unitCost: service.unitCost,
            billingCodeID: service.billingCodeID,
            periodType: service.periodType
        )
    }

    init(_ service: DesiredService) {
        self.init(
            name: service.name,
            unitPrice: service.unitPrice,
            unitCost: service.unitCost,
            billingCodeID: service.billingCodeID,
            periodType: service.periodType
        )
    }
}

// MARK: - What the store keeps

extension ManagedFields {
    /// What a binding remembers of them, see ``LastSynced``.
    var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(name.utf8.count + 128)
        func append(_ name: StaticString, _ text: String?, isQuoted: Bool = false) {
            output.append(contentsOf: ",\"\(name)\":".utf8)
            guard let text else { return output.append(contentsOf: "null".utf8) }
            if isQuoted { JSON.append(quoted: text, to: &output) } else { output.append(contentsOf: text.utf8) }
        }
        output.append(contentsOf: "{\"name\":".utf8)
        JSON.append(quoted: name, to: &output)
        append("unitPrice", unitPrice?.description, isQuoted: true)
        append("unitCost", unitCost?.description, isQuoted: true)
        append("billingCodeId", billingCodeID.map { String($0) })
        append("periodType", periodType.map { String($0) })
        output.append(UInt8(ascii: "}"))
        return output
    }

    /// Reads back ``encoded``; `nil` for anything else.
    init?(encoded bytes: [UInt8]) {
        guard let object = try? JSON(parsing: bytes), let name = object["name"]?.string else { return nil }
        self.init(
            name: name,
            unitPrice: object["unitPrice"]?.string.flatMap(Money.init(jsonNumber:)),
            unitCost: object["unitCost"]?.string.flatMap(Money.init(jsonNumber:)),
            billingCodeID: object["billingCodeId"]?.integer,
            periodType: object["periodType"]?.integer
        )
    }
}

// MARK: - Differences

/// One of the managed fields, under the contract's name.
enum ManagedField: String, CaseIterable {
    case name
    case unitPrice
    case unitCost
    case billingCodeID = "billingCodeId"
    case period
}

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
        case .unitPrice: unitPrice != desired.unitPrice
        case .unitCost: costs.tells(unitCost, from: desired.unitCost)
        case .billingCodeID: billingCodeID != desired.billingCodeID
        // What Autotask does not show cannot be judged.
        case .period: periodType != nil && periodType != desired.periodType
        }
    }

    /// A field's value as events show it.
    func value(of field: ManagedField, _ metadata: ServiceFields) -> JSON {
        switch field {
        case .name: .string(name)
        case .unitPrice: unitPrice.map { .string($0.description) } ?? .null
        case .unitCost: unitCost.map { .string($0.description) } ?? .null
        case .billingCodeID: billingCodeID.map { JSON($0) } ?? .null
        case .period: PlanService.Period.allCases.first { metadata.periodType($0) == periodType }.map { .string($0.rawValue) } ?? .null
        }
    }

    func change(of field: ManagedField, to desired: ManagedFields, _ metadata: ServiceFields) -> FieldChange {
        FieldChange(field: field.rawValue, from: value(of: field, metadata), to: desired.value(of: field, metadata))
    }
}
