/// A job as a portal published it, decoded and valid by its schema.
package struct Job: Sendable {
    package var identity: JobIdentity
    /// When the portal made it, if it says so.
    package var time: Timestamp?
    /// Not begun by then: `job.expired`.
    package var expiry: Timestamp?
    package var payload: JobPayload
    /// The job's `data`, in the bytes that were received; what comes from `data_base64` is decoded. Members that are `null` count as absent.
    package var data: ArraySlice<UInt8>

    package var id: JobID { identity.id }
    package var lane: Lane { identity.lane }
    /// W3C trace context, handed on to HTTP calls and events.
    package var traceparent: String? { identity.traceparent }
    package var kind: JobKind { payload.kind }
}

/// What a job of each supported kind asks for.
package enum JobPayload: Sendable {
    case connect(ConnectPayload)
    case sync(SyncPayload)
    /// What a sync would do. Its ``SyncPayload/previewID`` means nothing.
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
    /// The plan that it is about: jobs of one kind replace each other only within a plan.
    package var planID: String? {
        switch self {
        case .sync(let payload), .preview(let payload): payload.planID
        default: nil
        }
    }

    /// Of a sync. A preview of an older plan harms nothing.
    package var revision: Int64? {
        guard case .sync(let payload) = self else { return nil }
        return payload.revision
    }
}

package struct ConnectPayload: Sendable {
    package var credentials: CredentialsMember
    /// When the tenant configured the integration first: what the access gate looks at.
    package var firstConfiguredAt: Timestamp?
    /// Whether credentials of another Autotask database are meant.
    package var allowDatabaseChange: Bool

    package init(credentials: CredentialsMember, firstConfiguredAt: Timestamp? = nil, allowDatabaseChange: Bool = false) {
        self.credentials = credentials
        self.firstConfiguredAt = firstConfiguredAt
        self.allowDatabaseChange = allowDatabaseChange
    }
}

/// The `credentials` of a connect job. It has no description: it may hold a secret.
package enum CredentialsMember: Sendable {
    /// HPKE, see `Sealing-credentials`, "Seal".
    case sealed(SealedCredentials)
    /// The member's JSON, as the portal wrote it. Only accepted in development.
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

    /// The member as a job carries it.
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
    /// Whether to ask Autotask although what is remembered is fresh.
    package var refresh: Bool

    package init(refresh: Bool = false) { self.refresh = refresh }
}

/// A verify says all by its kind.
package struct VerifyPayload: Sendable {
    package init() {}
}

/// A drift says all by its kind.
package struct DriftPayload: Sendable {
    package init() {}
}

/// A diagnosis has no choices.
package struct DiagnosePayload: Sendable {
    package init() {}
}
