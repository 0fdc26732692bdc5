package import Contract

/// A field of a service that a sync manages. A sync never changes other fields (`Rules` A9).
///
/// Request bodies, audit notes, preview codes and differences iterate over the cases, so a new field is a case with its row.
package enum ManagedField: Int, CaseIterable, Sendable {
    case name
    case unitPrice
    case unitCost
    case billingCodeID
    case period

    /// The field's name in jobs and events, in Autotask's API and in bindings, and the form of its values.
    private var row: (contract: String, autotask: String, stored: String, form: FieldValue.Form) {
        switch self {
        case .name: ("name", "name", "name", .text)
        case .unitPrice: ("unitPrice", "unitPrice", "unitPrice", .amount)
        case .unitCost: ("unitCost", "unitCost", "unitCost", .amount)
        case .billingCodeID: ("billingCodeId", "billingCodeID", "billingCodeId", .number)
        case .period: ("period", "periodType", "periodType", .number)
        }
    }

    package var contractName: String { row.contract }
    package var autotaskName: String { row.autotask }
    fileprivate var storedName: String { row.stored }
    fileprivate var form: FieldValue.Form { row.form }
}

/// The value of one managed field.
package enum FieldValue: Hashable, Sendable {
    case text(String)
    case amount(Money)
    case number(Int64)

    fileprivate enum Form {
        case text, amount, number
    }

    /// Reads the value in any form that Autotask uses; `nil` for a value of another type.
    fileprivate init?(_ json: JSON, _ form: Form) {
        let value: FieldValue? =
            switch form {
            case .text: json.string.map(FieldValue.text)
            case .amount: json.amount.map(FieldValue.amount)
            case .number: json.wholeNumber.map(FieldValue.number)
            }
        guard let value else { return nil }
        self = value
    }

    /// The value in events and bindings, with an amount as a string.
    package var json: JSON {
        switch self {
        case .text(let text): .string(text)
        case .amount(let amount): .string(amount.description)
        case .number(let number): JSON(number)
        }
    }

    /// Appends the text of ``json``.
    fileprivate func append(to output: inout [UInt8]) {
        switch self {
        case .text(let text): JSON.append(quoted: text, to: &output)
        case .amount(let amount): JSON.append(quoted: amount.description, to: &output)
        case .number(let number): output.append(contentsOf: String(number).utf8)
        }
    }

    package var description: String {
        switch self {
        case .text(let text): text
        case .amount(let amount): amount.description
        case .number(let number): String(number)
        }
    }
}

/// Values of managed fields: from Autotask, from a plan, or for a write. A field may have no value.
package struct ManagedFields: Hashable, Sendable {
    /// The values in the order of ``ManagedField``. An array, since a copy of it is one reference.
    private var values: [FieldValue?]

    package init(
        name: String? = nil,
        unitPrice: Money? = nil,
        unitCost: Money? = nil,
        billingCodeID: Int64? = nil,
        periodType: Int64? = nil
    ) {
        values = [
            name.map(FieldValue.text), unitPrice.map(FieldValue.amount), unitCost.map(FieldValue.amount),
            billingCodeID.map(FieldValue.number), periodType.map(FieldValue.number),
        ]
    }

    /// Reads the fields from a record of Autotask, or from ``encoded``; `nil` if the name is missing or a value has an unexpected type.
    package init?(_ record: JSONObject) {
        self.init(some: record)
        guard self[.name] != nil else { return nil }
    }

    /// Reads those fields that have a value; `nil` if a value has an unexpected type.
    package init?(some record: JSONObject) {
        self.init()
        for field in ManagedField.allCases {
            guard let json = record[anyCase: field.autotaskName], json != .null else { continue }
            guard let value = FieldValue(json, field.form) else { return nil }
            self[field] = value
        }
    }

    package subscript(field: ManagedField) -> FieldValue? {
        get { values[field.rawValue] }
        set { values[field.rawValue] = newValue }
    }

    /// The name; empty if there is none.
    package var name: String {
        guard case .text(let name) = self[.name] else { return "" }
        return name
    }

    package var unitPrice: Money? { amount(.unitPrice) }
    /// The unit cost; `nil` if Autotask shows none, because it is empty or hidden.
    package var unitCost: Money? { amount(.unitCost) }
    package var billingCodeID: Int64? { number(.billingCodeID) }
    package var periodType: Int64? { number(.period) }

    private func amount(_ field: ManagedField) -> Money? {
        guard case .amount(let amount) = self[field] else { return nil }
        return amount
    }

    private func number(_ field: ManagedField) -> Int64? {
        guard case .number(let number) = self[field] else { return nil }
        return number
    }

    /// The fields that have a value.
    package var given: [ManagedField] { ManagedField.allCases.filter { self[$0] != nil } }

    /// Returns only the given fields.
    package func only(_ fields: [ManagedField]) -> ManagedFields {
        var some = ManagedFields()
        for field in fields { some[field] = self[field] }
        return some
    }

    /// Returns the values of `before`, replaced by these where given.
    package func applied(to before: ManagedFields) -> ManagedFields {
        var after = before
        for field in given { after[field] = self[field] }
        return after
    }

    /// The values for bindings and the audit log: a JSON object with every field, `null` for a field without a value.
    package var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(name.utf8.count + 128)
        for field in ManagedField.allCases {
            output.append(contentsOf: (output.isEmpty ? "{" : ",").utf8)
            JSON.append(quoted: field.storedName, to: &output)
            output.append(UInt8(ascii: ":"))
            if let value = self[field] { value.append(to: &output) } else { output.append(contentsOf: "null".utf8) }
        }
        output.append(UInt8(ascii: "}"))
        return output
    }
}

extension JSON {
    /// An amount of money, from a number with or without quotes.
    fileprivate var amount: Money? {
        switch self {
        case .number(let text): Money(jsonNumber: text)
        case .string(let text): Money(jsonNumber: String(text.trimmingSpaces))
        default: nil
        }
    }
}
