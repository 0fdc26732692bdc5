import Contract
import FoundationEssentials

extension DatabaseState {
    /// - Returns: the id of the new service.
    mutating func createService(from body: JSON?, as user: APIUser, at now: Date) throws(Refusal) -> Int64 {
        guard user.security.mayWrite else { throw Refusal.noPermission(to: "create") }
        guard case .object(let members)? = body else { throw DatabaseState.missingModel }
        var record = Record.service(id: nextServiceID, created: now.ISO8601Format(), by: user.resourceID)
        // A required read-only field can be set only at creation.
        try assign(members, to: &record, as: user) { $0.isRequired || !$0.isReadOnly }
        if record[ServiceField.isActive] == .null { record[ServiceField.isActive] = .bool(true) }
        try check(record, replacing: nil)
        nextServiceID += 1
        services.put(record)
        return record.id
    }

    /// - Parameter replacing: whether omitted fields become null, as with PUT.
    /// - Returns: the id of the service.
    mutating func updateService(from body: JSON?, replacing: Bool, as user: APIUser, at now: Date) throws(Refusal) -> Int64 {
        guard user.security.mayWrite else { throw Refusal.noPermission(to: "update") }
        guard let body, case .object(let members) = body else { throw DatabaseState.missingModel }
        guard let id = body.member("id")?.wholeNumber, user.security != .restrictedVisibility, let old = services[id] else {
            throw Refusal.nothingToUpdate
        }
        var record = old
        if replacing {
            for (index, field) in serviceEntity.fields.enumerated() where !field.isReadOnly {
                if index == ServiceField.unitCost.rawValue, !user.security.seesCosts { continue }
                record.values[index] = .null
            }
        }
        try assign(members, to: &record, as: user) { !$0.isReadOnly }
        if record[ServiceField.isActive] == .null { record[ServiceField.isActive] = .bool(false) }
        try check(record, replacing: old)
        record[ServiceField.lastModifiedDate] = .date(now.ISO8601Format())
        record[ServiceField.updateResourceID] = .integer(user.resourceID)
        services.put(record)
        return id
    }

    /// Assigns the body's values to the fields that may be set. Other fields and unknown names are silently ignored, as in Autotask
    /// (observed). So are costs from users who may not see them (documented).
    private func assign(
        _ members: JSONObject,
        to record: inout Record,
        as user: APIUser,
        isSettable: (Field) -> Bool
    ) throws(Refusal) {
        for member in members.members {
            guard let index = serviceEntity.index(of: member.name), index != ServiceField.id.rawValue,
                isSettable(serviceEntity.fields[index]),
                index != ServiceField.unitCost.rawValue || user.security.seesCosts
            else { continue }
            record.values[index] = try serviceEntity.fields[index].value(from: member.value)
        }
    }

    /// Checks the rules for a service before it is stored.
    ///
    /// - Parameter old: the service that it replaces, if any.
    private func check(_ record: Record, replacing old: Record?) throws(Refusal) {
        var messages: [String] = []
        for (index, field) in serviceEntity.fields.enumerated() where !field.isMissing {
            let value = record.values[index]
            if field.isRequired, !value.isFilled {
                messages.append("Service: \(field.name) is required.")
            } else if let text = value.text?.text, text.utf16.count > field.length {
                messages.append("The length of \(field.name) must not exceed \(field.length) characters.")
            } else if let choices = field.choices, let choice = value.integer, value != old?.values[index],
                !choices.contains(where: { $0.value == choice })
            {
                // Observed, for a field of tickets.
                messages.append("Value does not reference an existing entity for \(field.name) . ")
            }
        }
        // A service may keep an inactive billing code, but cannot get one (documented).
        let code = record[ServiceField.billingCodeID]
        if let id = code.integer, code != old?[ServiceField.billingCodeID], billingCodes[id]?.isBillableForServices != true {
            messages.append("BillingCode does not exist or is invalid")
        }
        guard messages.isEmpty else { throw Refusal(messages) }
        if uniqueServiceNames, let name = record[ServiceField.name].text,
            services.records.contains(where: {
                $0.id != record.id && collation.folded($0[ServiceField.name]) == collation.folded(.text(name))
            })
        {
            throw Refusal.duplicateName(name.text)
        }
    }

    private static let missingModel = Refusal("Value cannot be null.\r\nParameter name: entity")
}
