import Contract

/// The fields of a service, in the order of the 2026 swagger.
enum ServiceField: Int, FieldName {
    case id, billingCodeID, createDate, creatorResourceID, description, invoiceDescription, isActive, lastModifiedDate, markupRate, name
    case periodType, serviceLevelAgreementID, unitCost, unitPrice, updateResourceID, vendorCompanyID, manufacturerServiceProvider
    case manufacturerServiceProviderProductNumber, catalogNumberPartNumber, sku, internalID, externalID, url
}

extension Entity {
    /// Services, which can be queried, created and updated, but not deleted.
    ///
    /// The flags were read from a live system in July 2026. The lengths of name and descriptions are from older SOAP metadata; the other
    /// lengths are not known and were chosen here.
    static let services = Entity(name: .services, singular: "Service", isWritable: true, fields: ServiceField.allCases.map(\.definition))
}

extension ServiceField {
    fileprivate var definition: Field {
        var field = Field(name: "\(self)", kind: kind)
        switch self {
        case .id:
            field.isRequired = true
            field.isReadOnly = true
        case .name:
            field.length = 150
            field.isRequired = true
        case .unitPrice: field.isRequired = true
        case .billingCodeID:
            field.isRequired = true
            field.reference = "BillingCode"
        case .periodType:
            field.isRequired = true
            field.isReadOnly = true
            field.choices = [
                Field.Choice(value: 2, label: "Monthly"), Field.Choice(value: 3, label: "Quarterly"),
                Field.Choice(value: 4, label: "Semi-Annual"), Field.Choice(value: 5, label: "Yearly"),
            ]
        case .serviceLevelAgreementID: field.choices = (1...3).map { Field.Choice(value: $0, label: "SLA \($0)") }
        case .creatorResourceID, .updateResourceID:
            field.reference = "Resource"
            field.isReadOnly = true
        case .createDate, .lastModifiedDate, .markupRate: field.isReadOnly = true
        case .vendorCompanyID: field.reference = "Company"
        case .description: field.length = 400
        case .invoiceDescription: field.length = 1000
        case .url: field.length = 500
        case .sku, .internalID, .externalID, .catalogNumberPartNumber: field.length = 50
        case .manufacturerServiceProvider, .manufacturerServiceProviderProductNumber: field.length = 100
        case .isActive, .unitCost: break
        }
        return field
    }

    private var kind: Field.Kind {
        switch self {
        case .id, .serviceLevelAgreementID: .long
        case .billingCodeID, .creatorResourceID, .periodType, .updateResourceID, .vendorCompanyID: .integer
        case .createDate, .lastModifiedDate: .datetime
        case .isActive: .boolean
        case .markupRate, .unitCost, .unitPrice: .decimal
        case .description, .invoiceDescription, .name, .manufacturerServiceProvider, .manufacturerServiceProviderProductNumber,
            .catalogNumberPartNumber, .sku, .internalID, .externalID, .url:
            .string
        }
    }
}

extension Record {
    /// A service with default values: active, with empty texts.
    static func service(id: Int64, created moment: String, by resource: Int64) -> Record {
        var record = Record(values: Entity.services.fields.map { $0.kind == .string ? .text("") : .null })
        record[ServiceField.id] = .integer(id)
        record[ServiceField.isActive] = .bool(true)
        record[ServiceField.markupRate] = .money(.zero)
        record[ServiceField.createDate] = .date(moment)
        record[ServiceField.lastModifiedDate] = .date(moment)
        record[ServiceField.creatorResourceID] = .integer(resource)
        record[ServiceField.updateResourceID] = .integer(resource)
        return record
    }

    /// The service for a user who may not see costs.
    func hidingCosts(as cost: FieldValue) -> Record {
        var record = self
        record[ServiceField.unitCost] = cost
        record[ServiceField.markupRate] = .null
        return record
    }
}
