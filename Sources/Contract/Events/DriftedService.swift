/// How a service that was synced stands in Autotask now: one service of `drift.reported` and `drift.changed`.
package struct DriftedService: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        case unchanged
        /// Somebody edited it, or made it inactive or active again.
        case edited
        /// It is not in Autotask any more, or the API user cannot see it.
        case gone
    }

    package var planID: String
    package var key: String
    /// As it was synced last.
    package var name: String
    package var autotaskServiceID: Int64
    package var state: State
    /// `nil` while it is not known.
    package var isActive: Bool?
    /// From what was synced last, to what Autotask shows.
    package var changes: [FieldChange] = []
    package var warnings: [Warning] = []

    package init(planID: String, key: String, name: String, autotaskServiceID: Int64, state: State) {
        self.planID = planID
        self.key = key
        self.name = name
        self.autotaskServiceID = autotaskServiceID
        self.state = state
    }

    /// Whether somebody has to be told: it is other than it was synced, or its billing code was inactivated, which no sync would mend.
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
