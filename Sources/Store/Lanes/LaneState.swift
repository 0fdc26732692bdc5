package import Contract

/// The state of a lane between jobs.
package struct LaneState: Sendable {
    package var epoch: Int64
    /// Whether the tenant has passed the access gate. It survives a reset (`Rules` A3).
    package var isEligible: Bool
    /// Whether `integration.enabled` was published in this epoch.
    package var isEnabled: Bool
    package var connection: ConnectionRecord?
    /// Credentials that Autotask refused recently, without duplicates, latest last; at most ``RefusedCredentials/limit``.
    package var refusedCredentials: [RefusedCredentials]
    /// A claim holds only those of the job's plan, since a lane may have any number of plans. A handler reads others from the store
    /// (``LaneEffects/boundServices(of:after:limit:)``, ``LaneEffects/bindings(to:in:)``).
    package var bindings: [ServiceBinding]
    /// Unresolved writes: entries that are not ``JournalEntry/State/verified``. A claim holds only those of the job's plan.
    package var openWrites: [JournalEntry]
    /// Whether any plan has bound services.
    package var hasBindings: Bool
    /// Whether any plan has unresolved writes.
    package var hasOpenWrites: Bool
    /// When the last write of any plan was sent whose outcome is unknown.
    package var lastSentWrite: Timestamp?
    /// When the last write was sent that was unresolved when its journal was erased, by a reset or by a connect to another Autotask
    /// database. It may still take effect there.
    package var unsettledSince: Timestamp?
    package var billingCodes: CachedBillingCodes?
    /// A digest of the drift that was found last; `nil` if there was none.
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
    package enum Status: String, CaseIterable, Sendable {
        case connected
        /// Autotask refused credentials that had worked: no calls until a connect brings others.
        case credentialsRejected
        /// The credentials lead to another database than before: no calls until a connect confirms it.
        case databaseMismatch
    }

    package var status: Status
    package var zone: Zone
    /// Autotask's `ci`.
    package var databaseID: Int64
    /// The masked name, for display.
    package var username: String
    /// The lane's credentials key, wrapped with the key ring. A reset destroys it first.
    package var wrappedKey: [UInt8]
    /// The credentials, sealed under that key.
    package var sealedCredentials: [UInt8]
    /// A keyed MAC of the credentials, to recognise them without opening them.
    package var credentialsDigest: [UInt8]
    package var capabilities: Capabilities
    /// The answer of `entityInformation/fields`, in the Autotask module's own JSON.
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

/// Credentials that Autotask refused. The worker refuses them on its own for 5 minutes (`Decisions` 6).
package struct RefusedCredentials: Hashable, Sendable {
    /// The maximum number per lane. A user who tries several passwords in turn, and the first again, does not lock the account. While a lane
    /// has as many, no other credentials are sent for it: whoever acts for one tenant cannot lock another's API user with many wrong secrets.
    package static let limit = 10
    /// A reset keeps refusals that are not older: twice as long as the worker remembers one.
    package static let keptByReset: Duration = .seconds(600)

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

/// The identity of a service within its lane.
package struct ServiceKey: Hashable, Sendable {
    package var planID: String
    package var serviceKey: String

    package init(planID: String, serviceKey: String) {
        self.planID = planID
        self.serviceKey = serviceKey
    }
}

/// The link between a service of the plan and one in Autotask, with its status.
package struct ServiceBinding: Hashable, Sendable {
    package var planID: String
    package var serviceKey: String
    /// `nil` while there is none.
    package var autotaskServiceID: Int64?
    package var status: ServiceStatus
    package var lastSyncedAt: Timestamp?
    /// The managed fields as last confirmed in Autotask, in the sync handler's own JSON. They reveal edits made there.
    package var lastSynced: [UInt8]?
    /// The error of the last attempt, if it failed.
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
        /// Handed to the network: from now on it may have taken effect.
        case sent
        /// Autotask confirmed it.
        case confirmed
        /// Read back, or known not to have taken effect.
        case verified
    }

    package var planID: String
    package var serviceKey: String
    package var operation: Operation
    package var state: State
    package var autotaskServiceID: Int64?
    /// The name in a create that was sent without an ownership marker: only the name identifies the service then.
    package var name: String?
    /// A digest of Autotask's answer to the write, if it left the outcome open. The same answer again counts as a refusal.
    package var answer: String?
    /// The values that this write sent, and those of earlier unsettled writes, in the sync handler's own JSON. With them the worker recognizes
    /// its own changes in Autotask: they are no edits.
    package var written: [UInt8]?
    /// When it entered this state.
    package var at: Timestamp

    package init(
        planID: String,
        serviceKey: String,
        operation: Operation,
        state: State,
        autotaskServiceID: Int64?,
        name: String? = nil,
        answer: String? = nil,
        written: [UInt8]? = nil,
        at: Timestamp
    ) {
        self.planID = planID
        self.serviceKey = serviceKey
        self.operation = operation
        self.state = state
        self.autotaskServiceID = autotaskServiceID
        self.name = name
        self.answer = answer
        self.written = written
        self.at = at
    }
}

/// The billing codes from the last read.
package struct CachedBillingCodes: Hashable, Sendable {
    package var readAt: Timestamp
    /// In the Autotask module's own JSON.
    package var codes: [UInt8]

    package init(readAt: Timestamp, codes: [UInt8]) {
        self.readAt = readAt
        self.codes = codes
    }
}
