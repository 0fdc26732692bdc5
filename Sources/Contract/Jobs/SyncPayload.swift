/// The whole plan at the moment when the user clicked "Synchronize with Autotask".
package struct SyncPayload: Sendable {
    /// The plan's id in normalization form C: see ``Swift/String/normalizedPlanID``.
    package var planID: String
    /// A number that rises with every change of the plan; an older revision never overwrites a newer one.
    package var revision: Int64?
    /// Every service of the plan, with unique keys.
    package var services: [PlanService]
    /// Keys of services that left the plan. A sync unbinds them, and changes nothing in Autotask.
    package var retired: [String]
    /// Warnings that a person accepted, so that they do not stop the batch.
    package var acknowledged: Set<Acknowledgement>
    /// Warnings that stop this batch until they are acknowledged, in addition to those of the operator.
    package var acknowledgementRequired: Set<Warning.Code>
    /// Services to bind to existing services in Autotask (`Rules` A12): ids in Autotask by the keys of the plan.
    package var adopted: [String: Int64]
    /// The preview that this sync has to match.
    package var previewID: String?

    package init(
        planID: String,
        revision: Int64? = nil,
        services: [PlanService],
        retired: [String] = [],
        acknowledged: Set<Acknowledgement> = [],
        acknowledgementRequired: Set<Warning.Code> = [],
        adopted: [String: Int64] = [:],
        previewID: String? = nil
    ) {
        self.planID = planID
        self.revision = revision
        self.services = services
        self.retired = retired
        self.acknowledged = acknowledged
        self.acknowledgementRequired = acknowledgementRequired
        self.adopted = adopted
        self.previewID = previewID
    }
}

/// One service of the plan. Values that a person entered may be missing or unusable. The sync then fails and reports each such service; the
/// message is not refused.
package struct PlanService: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case license = "License"
        case server = "Server"
        case storage = "Storage"
    }

    package enum Period: String, CaseIterable, Sendable {
        case monthly = "Monthly"
        case yearly = "Yearly"
    }

    /// Whether a text has the form of ``key``.
    static func isKey(_ text: String) -> Bool { JobID(text) != nil }

    /// The portal's stable key, `^[A-Za-z0-9._:-]{1,128}$`.
    package var key: String
    package var kind: Kind
    /// The name as it was typed.
    package var name: String
    /// Whether the received name has half a surrogate pair; ``name`` has U+FFFD in its place.
    package var hasBrokenName = false
    package var period: Entered<Period>
    package var unitCost: Entered<Money>
    package var unitPrice: Entered<Money>
    package var billingCodeID: Entered<Int64>

    package init(
        key: String,
        kind: Kind,
        name: String,
        period: Entered<Period>,
        unitCost: Entered<Money>,
        unitPrice: Entered<Money>,
        billingCodeID: Entered<Int64>
    ) {
        self.key = key
        self.kind = kind
        self.name = name
        self.period = period
        self.unitCost = unitCost
        self.unitPrice = unitPrice
        self.billingCodeID = billingCodeID
    }
}

/// A value that a person entered.
package enum Entered<Value: Sendable>: Sendable {
    case value(Value)
    case missing
    /// Present, but not in the form that the contract requires.
    case malformed

    package var value: Value? {
        guard case .value(let value) = self else { return nil }
        return value
    }
}

extension Entered: Equatable where Value: Equatable {}
