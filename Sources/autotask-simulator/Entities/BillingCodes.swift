import Contract

/// The fields of a billing code.
enum BillingCodeField: Int, FieldName {
    case id, afterHoursWorkType, billingCodeType, department, description, externalNumber, generalLedgerAccount, isActive
    case isExcludedFromNewContracts, markupRate, name, taxCategoryID, unitCost, unitPrice, useType
}

extension Entity {
    /// Billing codes, which can only be queried, although their fields do not look read-only.
    static let billingCodes = Entity(
        name: .billingCodes,
        singular: "BillingCode",
        isWritable: false,
        fields: BillingCodeField.allCases.map(\.definition)
    )
}

extension BillingCodeField {
    fileprivate var definition: Field {
        switch self {
        case .id: Field(name: "id", kind: .long, isRequired: true, isReadOnly: true)
        case .afterHoursWorkType: Field(name: "afterHoursWorkType", kind: .integer, reference: "BillingCode")
        case .billingCodeType:
            Field(
                name: "billingCodeType",
                kind: .integer,
                choices: BillingCodeField.choices(from: 0, ["Normal", "System", "Non-Billable"])
            )
        case .department: Field(name: "department", kind: .integer)
        case .description: Field(name: "description", kind: .string, length: 500)
        case .externalNumber: Field(name: "externalNumber", kind: .string, length: 100)
        case .generalLedgerAccount: Field(name: "generalLedgerAccount", kind: .integer, choices: [])
        case .isActive: Field(name: "isActive", kind: .boolean, isRequired: true)
        case .isExcludedFromNewContracts: Field(name: "isExcludedFromNewContracts", kind: .boolean)
        case .markupRate: Field(name: "markupRate", kind: .decimal, isReadOnly: true)
        case .name: Field(name: "name", kind: .string, length: 200)
        case .taxCategoryID: Field(name: "taxCategoryID", kind: .integer, reference: "TaxCategory")
        case .unitCost: Field(name: "unitCost", kind: .decimal, isRequired: true)
        case .unitPrice: Field(name: "unitPrice", kind: .decimal, isRequired: true)
        case .useType:
            Field(
                name: "useType",
                kind: .integer,
                choices: BillingCodeField.choices(
                    from: 1,
                    [
                        "General Allocation Code", "Expense Code", "Internal Allocation Code", "Material Cost Code",
                        "Recurring Contract Service Code", "Milestone Code",
                    ]
                )
            )
        }
    }

    private static func choices(from first: Int64, _ labels: [String]) -> [Field.Choice] {
        zip(first..., labels).map { Field.Choice(value: $0, label: $1) }
    }
}

extension Record {
    /// The use type that a service's billing code must have: "Recurring Contract Service Code".
    static let recurringServiceUseType: Int64 = 5

    static func billingCode(id: Int64) -> Record {
        var record = Record(values: Entity.billingCodes.fields.map { $0.kind == .string ? .text("") : .null })
        record[BillingCodeField.id] = .integer(id)
        record[BillingCodeField.isActive] = .bool(true)
        record[BillingCodeField.billingCodeType] = .integer(0)
        record[BillingCodeField.useType] = .integer(recurringServiceUseType)
        record[BillingCodeField.isExcludedFromNewContracts] = .bool(false)
        record[BillingCodeField.unitCost] = .money(.zero)
        record[BillingCodeField.unitPrice] = .money(.zero)
        return record
    }

    /// Whether a service can get this billing code.
    var isBillableForServices: Bool {
        self[BillingCodeField.isActive] == .bool(true)
            && self[BillingCodeField.useType] == .integer(Record.recurringServiceUseType)
    }
}
