package import Contract

/// What is remembered of a lane between jobs.
package struct LaneState: Sendable {
    package var epoch: Int64
    /// Whether the access gate was passed once. Survives a reset (`Rules` A3).
    package var isEligible: Bool
    /// Whether `integration.enabled` was told in this epoch.
    package var isEnabled: Bool
    package var connection: ConnectionRecord?
    /// Credentials that Autotask refused lately, each once, the latest last; at most ``RefusedCredentials/limit``.
    package var refusedCredentials: [RefusedCredentials]
    /// In a claim, those of the plan that the job is about: a lane may have any number of plans. A handler that needs others asks the store
    /// (``LaneEffects/boundServices(of:after:limit:)``, ``LaneEffects/bindings(to:in:)``).
    package var bindings: [ServiceBinding]
    /// Writes whose outcome is not settled: entries that are not ``JournalEntry/State/verified``. In a claim, those of the job's plan.
    package var openWrites: [JournalEntry]
    /// Whether services of any plan are bound.
    package var hasBindings: Bool
    /// Whether writes of any plan are not settled.
    package var hasOpenWrites: Bool
    /// When the last write of any plan was sent whose outcome is not known.
    package var lastSentWrite: Timestamp?
    /// When the last write was sent whose outcome was not known when its journal was erased, by a reset or because another Autotask
    /// database was connected: it may still take effect there.
    package var unsettledSince: Timestamp?
    package var billingCodes: CachedBillingCodes?
    /// A digest of what differed in Autotask when that was looked at last; `nil` if nothing did.
    package var driftDigest: String?

    package init(
        epoch: Int64,
        isEligible: Bool = false,
        isEnabled: Bool = false,
        connection: ConnectionRecord? = nil,
        refusedCredentials: [RefusedCredentials] = [],
        bindings: [ServiceBinding] = [],
        openWrites: [JournalEntry] = [],
        hasBindings: Bool = false,
        hasOpenWrites: Bool = false,
        lastSentWrite: Timestamp? = nil,
        unsettledSince: Timestamp? = nil,
        billingCodes: CachedBillingCodes? = nil,
        driftDigest: String? = nil
    ) {
        self.epoch = epoch
        self.isEligible = isEligible
        self.isEnabled = isEnabled
        self.connection = connection
        self.refusedCredentials = refusedCredentials
        self.bindings = bindings
        self.openWrites = openWrites
        self.hasBindings = hasBindings
        self.hasOpenWrites = hasOpenWrites
        self.lastSentWrite = lastSentWrite
        self.unsettledSince = unsettledSince
        self.billingCodes = billingCodes
        self.driftDigest = driftDigest
    }
}

/// A connection to an Autotask database (`Rules`, "States").
package struct ConnectionRecord: Hashable, Sendable {
    package enum Status: String, Sendable {
        case connected
        /// Autotask refused the credentials after they had worked: no call until a connect brings others.
        case credentialsRejected
        /// The credentials lead to another database than before: no call until a connect confirms it.
        case databaseMismatch
    }

    package var status: Status
    package var zone: Zone
    /// Autotask's `ci`.
    package var databaseID: Int64
    /// Masked, to be shown.
    package var username: String
    /// The lane's credentials key, wrapped by the key ring. Destroyed first by a reset.
    package var wrappedKey: [UInt8]
    /// The credentials, sealed under that key.
    package var sealedCredentials: [UInt8]
    /// A keyed MAC of the credentials, to know them again without opening.
    package var credentialsDigest: [UInt8]
    package var capabilities: Capabilities
    /// What `entityInformation/fields` told, in the Autotask module's own JSON.
    package var serviceFields: [UInt8]
    package var establishedAt: Timestamp

    package init(
        status: Status,
        zone: Zone,
        databaseID: Int64,
        username: String,
        wrappedKey: [UInt8],
        sealedCredentials: [UInt8],
        credentialsDigest: [UInt8],
        capabilities: Capabilities,
        serviceFields: [UInt8],
        establishedAt: Timestamp
    ) {
        self.status = status
        self.zone = zone
        self.databaseID = databaseID
        self.username = username
        self.wrappedKey = wrappedKey
        self.sealedCredentials = sealedCredentials
        self.credentialsDigest = credentialsDigest
        self.capabilities = capabilities
        self.serviceFields = serviceFields
        self.establishedAt = establishedAt
    }
}

/// Credentials that Autotask refused: answered from memory for 5 minutes (`Decisions` 6).
package struct RefusedCredentials: Hashable, Sendable {
    /// So many are remembered of a lane, so that a user who tries one password after the other, and the first again, is not locked.
    package static let limit = 4

    /// See ``ConnectionRecord/credentialsDigest``.
    package var digest: [UInt8]
    package var at: Timestamp
    package var code: ErrorCode

    package init(digest: [UInt8], at: Timestamp, code: ErrorCode) {
        self.digest = digest
        self.at = at
        self.code = code
    }
}

/// Which service of a lane is meant.
package struct ServiceKey: Hashable, Sendable {
    package var planID: String
    package var serviceKey: String

    package init(planID: String, serviceKey: String) {
        self.planID = planID
        self.serviceKey = serviceKey
    }
}

/// Which service in Autotask stands for a service of the plan, and how it fared.
package struct ServiceBinding: Hashable, Sendable {
    package var planID: String
    package var serviceKey: String
    /// `nil` while none was created.
    package var autotaskServiceID: Int64?
    package var status: ServiceStatus
    package var lastSyncedAt: Timestamp?
    /// The managed fields as last confirmed in Autotask, in the sync handler's own JSON: what an edit made there is told by.
    package var lastSynced: [UInt8]?
    /// Of the last attempt, if it failed.
    package var lastErrorCode: ErrorCode?

    package var key: ServiceKey { ServiceKey(planID: planID, serviceKey: serviceKey) }

    package init(
        planID: String,
        serviceKey: String,
        autotaskServiceID: Int64?,
        status: ServiceStatus,
        lastSyncedAt: Timestamp? = nil,
        lastSynced: [UInt8]? = nil,
        lastErrorCode: ErrorCode? = nil
    ) {
        self.planID = planID
        self.serviceKey = serviceKey
        self.autotaskServiceID = autotaskServiceID
        self.status = status
        self.lastSyncedAt = lastSyncedAt
        self.lastSynced = lastSynced
        self.lastErrorCode = lastErrorCode
    }
}

/// One write to Autotask (`Rules`, "States"): `intended -> sent -> confirmed -> verified`.
package struct JournalEntry: Hashable, Sendable {
    package enum Operation: String, Sendable {
        case create, update
    }

    package enum State: String, Sendable {
        /// Planned.
        case intended
        /// Handed to the network: from here on it may have taken effect.
        case sent
        /// Autotask said so.
        case confirmed
        /// Read back, or known not to have taken effect.
        case verified
    }

    package var planID: String
    package var serviceKey: String
    package var operation: Operation
    package var state: State
    package var autotaskServiceID: Int64?
    /// The name that a create was sent with, if it was sent without an ownership marker: only the name identifies the service then.
    package var name: String?
    /// A digest of Autotask's answer to the write, if that left its outcome open: the same answer again counts as a refusal.
    package var answer: String?
    /// When it came into this state.
    package var at: Timestamp

    package init(
        planID: String,
        serviceKey: String,
        operation: Operation,
        state: State,
        autotaskServiceID: Int64?,
        name: String? = nil,
        answer: String? = nil,
        at: Timestamp
    ) {
        self.planID = planID
        self.serviceKey = serviceKey
        self.operation = operation
        self.state = state
        self.autotaskServiceID = autotaskServiceID
        self.name = name
        self.answer = answer
        self.at = at
    }
}

/// Billing codes as last read.
package struct CachedBillingCodes: Hashable, Sendable {
    package var readAt: Timestamp
    /// In the Autotask module's own JSON.
    package var codes: [UInt8]

    package init(readAt: Timestamp, codes: [UInt8]) {
        self.readAt = readAt
        self.codes = codes
    }
}
