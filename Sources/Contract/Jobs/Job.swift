/// A job as a portal published it, decoded and valid by its schema.
package struct Job: Sendable {
    package var identity: JobIdentity
    /// When the portal created the job, if the job says so.
    package var time: Timestamp?
    /// The moment by which the job must start; otherwise it ends with `job.expired`.
    package var expiry: Timestamp?
    package var payload: JobPayload
    /// The job's `data` in the bytes that were received, or decoded from `data_base64`. Members that are `null` count as absent.
    package var data: ArraySlice<UInt8>

    package var id: JobID { identity.id }
    package var lane: Lane { identity.lane }
    /// The W3C trace context, which HTTP calls and events also carry.
    package var traceparent: String? { identity.traceparent }
    package var kind: JobKind { payload.kind }
}

/// The content of a job of each supported kind.
package enum JobPayload: Sendable {
    case connect(ConnectPayload)
    case sync(SyncPayload)
    /// A request for what a sync would do. Its ``SyncPayload/previewID`` has no meaning.
    case preview(SyncPayload)
    case reset(ResetPayload)
    case billingCodes(BillingCodesPayload)
    case verify(VerifyPayload)
    case drift(DriftPayload)
    case diagnose(DiagnosePayload)

    package var kind: JobKind {
        switch self {
        case .connect: .connect
        case .sync: .sync
        case .preview: .preview
        case .reset: .reset
        case .billingCodes: .billingCodes
        case .verify: .verify
        case .drift: .drift
        case .diagnose: .diagnose
        }
    }
}

extension JobPayload {
    /// The job's plan: jobs of one kind replace each other only within a plan.
    package var planID: String? {
        switch self {
        case .sync(let payload), .preview(let payload): payload.planID
        default: nil
        }
    }

    /// The plan's revision, only for a sync: a preview of an older plan is harmless.
    package var revision: Int64? {
        guard case .sync(let payload) = self else { return nil }
        return payload.revision
    }
}

package struct ConnectPayload: Sendable {
    package var credentials: CredentialsMember
    /// When the tenant first configured the integration. The access gate checks it.
    package var firstConfiguredAt: Timestamp?
    /// Whether credentials of another Autotask database are accepted.
    package var allowDatabaseChange: Bool

    package init(credentials: CredentialsMember, firstConfiguredAt: Timestamp? = nil, allowDatabaseChange: Bool = false) {
        self.credentials = credentials
        self.firstConfiguredAt = firstConfiguredAt
        self.allowDatabaseChange = allowDatabaseChange
    }
}

/// The `credentials` of a connect job. It has no description, because it may hold a secret.
package enum CredentialsMember: Sendable {
    /// Sealed with HPKE: see `Sealing-credentials`, "Seal".
    case sealed(SealedCredentials)
    /// The member's JSON, as the portal wrote it. It is accepted only in development.
    case clear([UInt8])
}

package struct SealedCredentials: Sendable {
    package var keyID: String
    /// The encapsulated key.
    package var encapsulatedKey: [UInt8]
    package var ciphertext: [UInt8]

    package init(keyID: String, encapsulatedKey: [UInt8], ciphertext: [UInt8]) {
        self.keyID = keyID
        self.encapsulatedKey = encapsulatedKey
        self.ciphertext = ciphertext
    }

    /// The member of a job's data.
    package var json: JSON {
        [
            "keyId": .string(keyID), "enc": .string(Base64URL.encode(encapsulatedKey)),
            "ciphertext": .string(Base64URL.encode(ciphertext)),
        ]
    }
}

package struct ResetPayload: Sendable {
    package var reason: String?

    package init(reason: String? = nil) { self.reason = reason }
}

package struct BillingCodesPayload: Sendable {
    /// Whether to query Autotask even if the cached codes are fresh.
    package var refresh: Bool

    package init(refresh: Bool = false) { self.refresh = refresh }
}

/// The payload of a verify, which has no members.
package struct VerifyPayload: Sendable {
    package init() {}
}

/// The payload of a drift, which has no members.
package struct DriftPayload: Sendable {
    package init() {}
}

/// The payload of a diagnosis, which has no members.
package struct DiagnosePayload: Sendable {
    package init() {}
}
