import Contract

/// A change to a database, as if made in Autotask's user interface or by its administrators. Members that are `nil` change nothing.
struct DatabaseChange: Decodable, Sendable {
    var zone: String?
    var uniqueServiceNames: Bool?
    /// The differences that its collation ignores, in addition to letter case and trailing spaces.
    var collation: [Collation.Weight]?
    var integrationCodes: [String]?
    var integrationCodeFailure: IntegrationCodeFailure?
    var lockAfterFailures: Int?
    var threadLimit: Int?
    var quotaLimit: Int?
    var quotaUsed: Int?
    var latencyMilliseconds: Int?
    var userAccessAsNumbers: Bool?

    var users: [UserChange]?
    var billingCodes: [BillingCodeChange]?
    var services: [ServiceChange]?
    var newServices: [ServiceChange]?
    var deletedServices: [Int64]?
}

/// The answer to a tracking identifier that the database does not accept. Both have been reported.
enum IntegrationCodeFailure: String, Decodable, Sendable {
    case empty401
    case text500
}

/// A user by name, who is changed if the database has one with that name, and created otherwise.
struct UserChange: Decodable, Sendable {
    var username: String
    var secret: String?
    var integrationCode: String?
    var security: APIUser.Security?
    var isLocked: Bool?
    var isActive: Bool?
    var resourceId: Int64?

    func apply(to user: inout APIUser) {
        if let secret { user.secret = secret }
        if let integrationCode { user.integrationCode = integrationCode }
        if let security { user.security = security }
        if let isLocked { user.isLocked = isLocked }
        if let isActive { user.isActive = isActive }
        if let resourceId { user.resourceID = resourceId }
    }
}

/// A billing code by id, which is changed if the database has it, and created otherwise.
struct BillingCodeChange: Decodable, Sendable {
    var id: Int64
    var name: String?
    var description: String?
    var isActive: Bool?
    var useType: Int64?

    func apply(to record: inout Record) {
        if let name { record[BillingCodeField.name] = .text(name) }
        if let description { record[BillingCodeField.description] = .text(description) }
        if let isActive { record[BillingCodeField.isActive] = .bool(isActive) }
        if let useType { record[BillingCodeField.useType] = .integer(useType) }
    }
}

/// A service as a person enters or edits it in the user interface, where the API's rules do not apply.
struct ServiceChange: Decodable, Sendable {
    /// The id of the service to edit, or of the new one; `nil` for the next free id.
    var id: Int64?
    var name: String?
    var description: String?
    var invoiceDescription: String?
    var unitPrice: MoneyValue?
    var unitCost: MoneyValue?
    var billingCodeID: Int64?
    var periodType: Int64?
    var isActive: Bool?
    var sku: String?
    var internalID: String?
    var externalID: String?

    func apply(to record: inout Record, at moment: String) {
        let texts: [(ServiceField, String?)] = [
            (.name, name), (.description, description), (.invoiceDescription, invoiceDescription), (.sku, sku), (.internalID, internalID),
            (.externalID, externalID),
        ]
        for case (let field, let text?) in texts { record[field] = .text(text) }
        if let unitPrice { record[ServiceField.unitPrice] = .money(unitPrice) }
        if let unitCost { record[ServiceField.unitCost] = .money(unitCost) }
        if let billingCodeID { record[ServiceField.billingCodeID] = .integer(billingCodeID) }
        if let periodType { record[ServiceField.periodType] = .integer(periodType) }
        if let isActive { record[ServiceField.isActive] = .bool(isActive) }
        record[ServiceField.lastModifiedDate] = .date(moment)
    }
}
