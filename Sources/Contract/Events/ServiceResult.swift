/// The status of a service, in exactly the page's words (`Rules` L26 to L28).
package enum ServiceStatus: String, CaseIterable, Sendable {
    case notSynced = "Not synced"
    case synced = "Synced"
    case error = "Error"
}

/// What a sync did with a service.
package enum ServiceOutcome: String, CaseIterable, Sendable {
    case created
    case updated
    case unchanged
    /// The bound service was gone in Autotask, so it was created again.
    case recreated
    /// Already the worker's own: found by its ownership marker after the binding was lost.
    case adopted
    /// Refused before anything was written.
    case invalid
    /// Autotask refused the write.
    case rejected
    /// Not reached, or skipped because another service was invalid. The status does not change.
    case notAttempted
}

/// A managed field that changed, or that a user had changed in Autotask.
package struct FieldChange: Hashable, Sendable {
    /// The field's name in the contract: `unitPrice`.
    package var field: String
    package var from: JSON
    package var to: JSON

    package init(field: String, from: JSON, to: JSON) {
        self.field = field
        self.from = from
        self.to = to
    }

    var json: JSON { ["field": .string(field), "from": from, "to": to] }
}

/// One service of the plan in a sync's event.
package struct ServiceResult: Hashable, Sendable {
    package var key: String
    package var name: String
    package var status: ServiceStatus
    package var outcome: ServiceOutcome
    package var autotaskServiceID: Int64?
    /// Whether the service is active in Autotask; `nil` while it is not known. Only Autotask decides it (`Rules` L43).
    package var isActive: Bool?
    package var changes: [FieldChange] = []
    /// Edits made in Autotask that this sync overwrote (`Rules` L31).
    package var overwritten: [FieldChange] = []
    package var warnings: [Warning] = []
    package var error: JobError?

    package init(
        key: String,
        name: String,
        status: ServiceStatus,
        outcome: ServiceOutcome,
        autotaskServiceID: Int64? = nil,
        isActive: Bool? = nil,
        error: JobError? = nil
    ) {
        self.key = key
        self.name = name
        self.status = status
        self.outcome = outcome
        self.autotaskServiceID = autotaskServiceID
        self.isActive = isActive
        self.error = error
    }

    package var json: JSON { .object(members) }

    var members: JSONObject {
        var object: JSONObject = [
            "key": .string(key),
            "name": .string(name),
            "status": .string(status.rawValue),
            "outcome": .string(outcome.rawValue),
            "autotaskServiceId": autotaskServiceID.map { JSON($0) } ?? .null,
            "active": isActive.map(JSON.bool) ?? .null,
            "changes": .array(changes.map(\.json)),
            "overwritten": .array(overwritten.map(\.json)),
            "warnings": .array(warnings.map(\.json)),
        ]
        if let error { object["error"] = error.json }
        return object
    }
}
