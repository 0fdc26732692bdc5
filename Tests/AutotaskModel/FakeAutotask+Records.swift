package import Contract

extension FakeAutotask {
    /// Two selectable codes, not in the order of their names; an inactive one; and one of another use type.
    package static let billingCodes: [JSONObject] = [
        billingCode(29_683_001, "Recurring Services"),
        billingCode(29_683_002, "managed Backup", description: "Backup by the month"),
        billingCode(29_683_003, "Abandoned", isActive: false),
        billingCode(29_683_004, "Travel", useType: 2),
    ]

    package static func billingCode(
        _ id: Int64,
        _ name: String,
        description: String? = nil,
        isActive: Bool = true,
        useType: Int64 = 5
    ) -> JSONObject {
        [
            "id": JSON(id), "name": .string(name), "description": description.map(JSON.string) ?? .null, "isActive": .bool(isActive),
            "useType": JSON(useType),
        ]
    }

    /// The answer of `Services/entityInformation/fields`, reduced to the fields that the worker reads.
    package static let serviceFields: [JSON] = [
        field("id", "long", isReadOnly: true),
        field("name", "string", length: 150),
        field("unitPrice", "decimal"),
        field("unitCost", "decimal"),
        field("billingCodeID", "integer"),
        field(
            "periodType",
            "integer",
            isReadOnly: true,
            labels: [("2", "Monthly"), ("3", "Quarterly"), ("4", "Semi-Annual"), ("5", "Yearly")]
        ),
        field("isActive", "boolean"),
        field("internalID", "string", length: 100),
        field("sku", "string", length: 50),
    ]

    private static func field(
        _ name: String,
        _ type: String,
        length: Int = 0,
        isReadOnly: Bool = false,
        labels: [(value: String, label: String)] = []
    ) -> JSON {
        let values = labels.map { item -> JSON in
            ["value": .string(item.value), "label": .string(item.label), "isActive": true, "isSystem": true, "isDefaultValue": false]
        }
        return [
            "name": .string(name), "dataType": .string(type), "length": JSON(length), "isRequired": false, "isReadOnly": .bool(isReadOnly),
            "isQueryable": true, "isReference": false, "isPickList": .bool(!labels.isEmpty),
            "picklistValues": labels.isEmpty ? .null : .array(values),
        ]
    }

    /// Whether a record matches a node of a query's filter.
    static func matches(_ record: JSONObject, _ node: JSON, _ collation: Collation) -> Bool {
        let items = node["items"]?.array ?? []
        let found = node["field"]?.string.flatMap { name in
            record.members.first { $0.name.lowercased() == name.lowercased() }?.value
        }
        let value = node["value"] ?? .null
        switch node["op"]?.string?.lowercased() {
        case "and": return items.allSatisfy { matches(record, $0, collation) }
        case "or": return items.contains { matches(record, $0, collation) }
        case "eq": return isEqual(found, value, collation)
        case "in": return value.array?.contains { isEqual(found, $0, collation) } ?? false
        case "gt": return (found?.integer ?? .min) > (value.integer ?? .max)
        case "gte": return (found?.integer ?? .min) >= (value.integer ?? .max)
        case "exist": return found != nil && found != .null
        default: return false
        }
    }

    private static func isEqual(_ left: JSON?, _ right: JSON, _ collation: Collation) -> Bool {
        if let left = left?.string, let right = right.string { return collation.key(left) == collation.key(right) }
        return left == right
    }
}
