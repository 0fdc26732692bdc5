import Contract

/// A field of an entity, as `entityInformation/fields` describes it.
struct Field: Sendable {
    enum Kind: String, Sendable {
        case boolean, integer, long, decimal, string, datetime
    }

    struct Choice: Sendable {
        var value: Int64
        var label: String
    }

    let name: String
    let kind: Kind
    /// The maximum length in UTF-16 units, as .NET counts; 0 if the field is not a string.
    var length = 0
    var isRequired = false
    /// Whether the field is read-only. If it is also required, it can be set at creation only.
    var isReadOnly = false
    /// The singular name of the entity to whose id the field refers.
    var reference: String?
    var choices: [Choice]?
    /// Whether this database does not have the field at all.
    var isMissing = false

    var json: JSON {
        [
            "name": .string(name),
            "dataType": .string(kind.rawValue),
            "length": .integer(length),
            "isRequired": .bool(isRequired),
            "isReadOnly": .bool(isReadOnly),
            "isQueryable": true,
            "isReference": .bool(reference != nil),
            "referenceEntityType": .string(reference ?? ""),
            "isPickList": .bool(choices != nil),
            "picklistValues": choices.map(Field.json) ?? .null,
            "picklistParentValueField": "",
            "isSupportedWebhookField": false,
        ]
    }

    /// In metadata, a choice's value is a string; in records, it is a number.
    private static func json(_ choices: [Choice]) -> JSON {
        .array(
            choices.enumerated().map { index, choice in
                [
                    "value": .string(String(choice.value)),
                    "label": .string(choice.label),
                    "isDefaultValue": false,
                    "sortOrder": .integer(index + 1),
                    "parentValue": "",
                    "isActive": true,
                    "isSystem": true,
                ]
            }
        )
    }
}

extension Field {
    /// Reads a member of a request's body as leniently as .NET: numbers and booleans may be texts.
    ///
    /// - Throws: ``Refusal`` if the value does not have the field's type.
    func value(from json: JSON) throws(Refusal) -> FieldValue {
        switch (kind, json) {
        case (_, .null): return .null
        case (.string, .string(let text)), (.string, .number(let text)): return .text(text)
        case (.datetime, .string(let text)): return .date(text)
        case (.decimal, .number(let text)), (.decimal, .string(let text)):
            if let money = MoneyValue(text) { return .money(money) }
        case (.integer, _), (.long, _):
            if let integer = json.wholeNumber { return .integer(integer) }
        case (.boolean, .bool(let value)): return .bool(value)
        case (.boolean, .string(let text)):
            if let value = Bool(text.lowercased()) { return .bool(value) }
        default: break
        }
        throw Refusal("Error converting value \(String(decoding: json.encoded, as: UTF8.self)). Path '\(name)'.")
    }
}
