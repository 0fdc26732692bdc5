/// The present state in Autotask of a service that was synced: one service of `drift.reported` and `drift.changed`.
package struct DriftedService: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        case unchanged
        /// A user edited it, or changed whether it is active.
        case edited
        /// It is no longer in Autotask, or the API user cannot see it.
        case gone
    }

    package var planID: String
    package var key: String
    /// The name that was synced last.
    package var name: String
    package var autotaskServiceID: Int64
    package var state: State
    /// `nil` if it is not known.
    package var isActive: Bool?
    /// The changes from what was synced last to what Autotask shows.
    package var changes: [FieldChange] = []
    package var warnings: [Warning] = []

    package init(planID: String, key: String, name: String, autotaskServiceID: Int64, state: State) {
        self.planID = planID
        self.key = key
        self.name = name
        self.autotaskServiceID = autotaskServiceID
        self.state = state
    }

    /// Whether a person has to know: it differs from what was synced, or its billing code was inactivated, which no sync would fix.
    package var differs: Bool { state != .unchanged || warnings.contains { $0.code == .billingCodeInactive } }

    package var json: JSON {
        [
            "planId": .string(planID),
            "key": .string(key),
            "name": .string(name),
            "autotaskServiceId": JSON(autotaskServiceID),
            "state": .string(state.rawValue),
            "active": isActive.map(JSON.bool) ?? .null,
            "changes": .array(changes.map(\.json)),
            "warnings": .array(warnings.map(\.json)),
        ]
    }
}
