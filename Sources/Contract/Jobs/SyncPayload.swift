/// The whole plan, as it stood when somebody clicked "Synchronize with Autotask".
package struct SyncPayload: Sendable {
    /// In normalization form C: see ``Swift/String/normalizedPlanID``.
    package var planID: String
    /// Rises with every change of the plan; an older one never overwrites a newer.
    package var revision: Int64?
    /// Every service of the plan, with unique keys.
    package var services: [PlanService]
    /// Keys of services that left the plan. They are unbound; nothing changes in Autotask.
    package var retired: [String]
    /// Warnings that somebody looked at: they do not stop the batch.
    package var acknowledged: Set<Acknowledgement>
    /// Warnings that stop this batch until they are acknowledged, in addition to those of the operator.
    package var acknowledgementRequired: Set<Warning.Code>
    /// By the key of a service, the id of the one in Autotask that is to stand for it from now on (`Rules` A12).
    package var adopted: [String: Int64]
    /// The preview whose plan is meant, and no other.
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

/// One service of the plan. What a person entered may be missing or unusable: that is the sync's own failure, told service by service,
/// and not a reason to refuse the message.
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
    /// As typed.
    package var name: String
    /// Whether half a surrogate pair came in the name, where ``name`` has U+FFFD.
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
    /// Present, but not of the form that the contract asks for.
    case malformed

    package var value: Value? {
        guard case .value(let value) = self else { return nil }
        return value
    }
}

extension Entered: Equatable where Value: Equatable {}
