package import Contract

/// A billing code, which decides the tax of a service when it is invoiced. The worker never writes it.
package struct BillingCode: Hashable, Sendable {
    /// The use type "Recurring Contract Service Code" of Autotask, the only one that a service may have.
    package static let recurringServiceUseType: Int64 = 5

    package var id: Int64
    package var name: String
    package var description: String?
    package var isActive: Bool
    package var useType: Int64?

    package init(id: Int64, name: String, description: String?, isActive: Bool, useType: Int64?) {
        self.id = id
        self.name = name
        self.description = description
        self.isActive = isActive
        self.useType = useType
    }

    package var isRecurringService: Bool { useType == BillingCode.recurringServiceUseType }
}

extension BillingCode {
    /// The JSON that the store keeps.
    package var json: JSON {
        [
            "id": JSON(id),
            "name": .string(name),
            "description": description.map(JSON.string) ?? .null,
            "isActive": .bool(isActive),
            "useType": useType.map { JSON($0) } ?? .null,
        ]
    }

    /// Reads ``json``, or a record of a query; `nil` if it is not a billing code.
    package init?(json: JSON) {
        guard let record = json.object, let id = record[anyCase: "id"]?.wholeNumber, let name = record[anyCase: "name"]?.string,
            name.utf8.count <= AnswerLimits.textBytes, let isActive = record[anyCase: "isActive"]?.truth
        else { return nil }
        self.init(
            id: id,
            name: name,
            description: record[anyCase: "description"]?.string,
            isActive: isActive,
            useType: record[anyCase: "useType"]?.wholeNumber
        )
    }
}
