package import Contract
import Crypto

/// Seals what must not be read in the store, opens it again, and makes the keyed digests by which things are known again.
///
/// Its functions compute and do nothing else: they may be called from anywhere.
package struct Vault: Sendable {
    private let ring: KeyRing
    /// Of the identity key, one for each kind of digest.
    private let fingerprintKey: SymmetricKey
    private let credentialsDigestKey: SymmetricKey
    private let markerKey: SymmetricKey

    package init(_ ring: KeyRing) {
        self.ring = ring
        func key(for purpose: String) -> SymmetricKey {
            SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: ring.identityKey))
        }
        fingerprintKey = key(for: "autotask-worker/fingerprint/1")
        credentialsDigestKey = key(for: "autotask-worker/credentials-digest/1")
        markerKey = key(for: "autotask-worker/ownership-marker/1")
    }

    // MARK: Accepted jobs

    /// Seals a job's `data` for the time that it is in the store.
    package func sealPayload(_ payload: [UInt8], job: JobID, lane: Lane) -> [UInt8] {
        ring.jobKeys.active.seal(payload, for: SealingContext(.payload, lane, job: job))
    }

    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's or job's payload.
    package func openPayload(_ sealed: [UInt8], job: JobID, lane: Lane) throws(VaultError) -> [UInt8] {
        try ring.jobKeys.open(sealed, for: SealingContext(.payload, lane, job: job))
    }

    // MARK: Credentials

    /// Opens what a portal sealed for a connect job (`contract.md` 3).
    ///
    /// - Returns: the plaintext, which the portal wrote: it may be anything.
    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's or job's
    ///   credentials.
    package func openSealed(_ sealed: SealedCredentials, job: JobID, lane: Lane) throws(VaultError) -> [UInt8] {
        guard let key = ring.recipientKeys.first(where: { $0.id == sealed.keyID }) else { throw VaultError.keyUnknown() }
        return try key.open(sealed, job: job, lane: lane)
    }

    /// Seals the credentials of a connection under a new key of the lane's own. Whoever destroys the wrapped key destroys them.
    package func sealCredentials(_ plaintext: [UInt8], lane: Lane) -> SealedLaneCredentials {
        let key = SymmetricKey(size: .bits256)
        return SealedLaneCredentials(
            wrappedKey: ring.wrappingKeys.active.seal(key.withUnsafeBytes { Array($0) }, for: SealingContext(.credentialsKey, lane)),
            sealed: SealingKey(id: "", key: key).seal(plaintext, for: SealingContext(.credentials, lane))
        )
    }

    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's credentials.
    package func openCredentials(_ sealed: [UInt8], wrappedKey: [UInt8], lane: Lane) throws(VaultError) -> [UInt8] {
        let key = try ring.wrappingKeys.open(wrappedKey, for: SealingContext(.credentialsKey, lane))
        return try SealingKey(id: "", key: SymmetricKey(data: key)).open(sealed, for: SealingContext(.credentials, lane))
    }

    // MARK: Digests

    /// The digest of a job's fingerprint (``JobIdentity/fingerprint``): tells whether two messages hold the same payload, and to nobody
    /// without the identity key what it was.
    package func digest(of fingerprint: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: fingerprint, using: fingerprintKey))
    }

    /// The digest of credentials: to know them again without keeping them.
    package func credentialsDigest(of credentials: ClearCredentials) -> [UInt8] {
        var input: [UInt8] = []
        input.append(field: credentials.username.utf8)
        input.append(field: credentials.secret)
        if let integrationCode = credentials.integrationCode { input.append(field: integrationCode) }
        return Array(HMAC<SHA256>.authenticationCode(for: input, using: credentialsDigestKey))
    }

    /// The mark by which a service in Autotask is known to be ours, also after a reset (`rules.md` 4): 32 characters.
    package func ownershipMarker(lane: Lane, planID: String, serviceKey: String) -> String {
        var input: [UInt8] = []
        input.append(field: lane.tenant.description.utf8)
        input.append(field: lane.product.rawValue.utf8)
        input.append(field: planID.utf8)
        input.append(field: serviceKey.utf8)
        let digits = Array("0123456789abcdef".utf8)
        let mark = HMAC<SHA256>.authenticationCode(for: input, using: markerKey).prefix(16)
        return String(decoding: mark.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The plain SHA-256 of a message's body, by which it is known again before anything of it is trusted.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}

/// Credentials as the store keeps them.
package struct SealedLaneCredentials: Hashable, Sendable {
    /// The key of ``sealed``, itself sealed under the key ring's active wrapping key.
    package let wrappedKey: [UInt8]
    package let sealed: [UInt8]
}
