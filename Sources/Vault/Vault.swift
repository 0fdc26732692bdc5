package import Contract
import Crypto
package import Secrets
import Synchronization

/// Seals and opens the store's confidential data, and makes the keyed digests that identify jobs, credentials and services.
///
/// Its keys may change while it is in use (``adopt(_:)``, ``refresh()``). Functions that are not `async` only compute, and may be called from
/// anywhere.
package final class Vault: Sendable {
    private let keys: Mutex<KeyRing>
    private let source: (any KeyRingSource)?
    /// One function for each kind of digest, with a key derived from the identity key.
    private let fingerprints: KeyedHMAC
    private let credentialsDigests: KeyedHMAC
    private let markers: KeyedHMAC
    private let previews: KeyedHMAC
    let auditCodes: KeyedHMAC

    /// - Parameter source: the source of a key that the ring does not hold.
    package init(_ ring: KeyRing, source: (any KeyRingSource)? = nil) {
        keys = Mutex(ring)
        self.source = source
        let identity = KeyedHMAC(key: ring.identityKey)
        func function(for purpose: String) -> KeyedHMAC { KeyedHMAC(key: identity.code(for: Array(purpose.utf8))) }
        fingerprints = function(for: "autotask-worker/fingerprint/1")
        credentialsDigests = function(for: "autotask-worker/credentials-digest/1")
        markers = function(for: "autotask-worker/ownership-marker/1")
        previews = function(for: "autotask-worker/preview/1")
        auditCodes = function(for: "autotask-worker/audit/1")
    }

    private var ring: KeyRing { keys.withLock { $0 } }

    // MARK: Keys

    /// When the key that portals use ends.
    package var portalKeyEnd: Timestamp? { ring.activeKey(for: .portals)?.notAfter }

    /// Changes to another state of the same key ring.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable`` for another ring, because the digests in the store depend on this ring's identity key.
    package func adopt(_ ring: KeyRing) throws(VaultError) {
        guard ring.isSame(as: self.ring) else {
            throw VaultError(
                .keyRingUnusable,
                "This is not the key ring with which the worker started: restart the worker if the change is intended."
            )
        }
        keys.withLock { $0 = ring }
    }

    /// Reads the ring again from its source.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable``; the keys then do not change.
    package func refresh() async throws(VaultError) {
        guard let source else { return }
        try adopt(await source.load())
    }

    /// Whether the ring holds the keys of all these sealed forms.
    ///
    /// - Parameter sealed: payloads and wrapped keys from the store.
    package func holdsKeys(of sealed: [[UInt8]]) -> Bool {
        let ring = ring
        return sealed.allSatisfy { form in
            guard let id = SealedForm.keyID(of: form) else { return true }
            return ring.wrappingKeys[id] != nil || ring.jobKeys[id] != nil
        }
    }

    // MARK: Accepted jobs

    /// Seals a job's `data` for the store.
    package func sealPayload(_ payload: ArraySlice<UInt8>, job: JobID, lane: Lane) -> [UInt8] {
        ring.jobKeys.active.seal(payload, for: SealingContext(.payload, lane, job: job))
    }

    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's or job's payload.
    package func openPayload(_ sealed: [UInt8], job: JobID, lane: Lane) throws(VaultError) -> [UInt8] {
        // The payload of a connect holds credentials that are sealed a second time.
        try ring.jobKeys.open(sealed, for: SealingContext(.payload, lane, job: job)).withUnsafeBytes { Array($0) }
    }

    // MARK: Credentials

    /// Opens credentials that a portal sealed for a connect job (`Sealing-credentials`, "Seal").
    ///
    /// - Returns: the plaintext, which comes from the portal and may be anything.
    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's or job's
    ///   credentials.
    package func openSealed(_ sealed: SealedCredentials, job: JobID, lane: Lane) throws(VaultError) -> Secret {
        guard let key = ring.recipientKeys.first(where: { $0.id == sealed.keyID }) else { throw VaultError.keyUnknown() }
        return try key.open(sealed, job: job, lane: lane)
    }

    /// Seals the credentials of a connection under the lane's own key. They are lost when the wrapped key is destroyed.
    ///
    /// - Parameter wrappedKey: the lane's present key. It is kept, so that other data sealed under it stays readable, and is wrapped again with
    ///   the active wrapping key. If there is none, or it cannot be opened, the lane gets a new key.
    package func sealCredentials(_ credentials: Credentials, lane: Lane, under wrappedKey: [UInt8]? = nil) -> SealedLaneCredentials {
        let kept = wrappedKey.flatMap { try? credentialsKey($0, lane: lane) }
        let key = kept ?? SealingKey(id: "", key: SymmetricKey(size: .bits256))
        return SealedLaneCredentials(
            wrappedKey: key.key.withUnsafeBytes { ring.wrappingKeys.active.seal($0, for: SealingContext(.credentialsKey, lane)) },
            sealed: credentials.encoded.withUnsafeBytes { key.seal($0, for: SealingContext(.credentials, lane)) }
        )
    }

    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's credentials.
    package func openCredentials(_ sealed: [UInt8], wrappedKey: [UInt8], lane: Lane) throws(VaultError) -> Secret {
        try credentialsKey(wrappedKey, lane: lane).open(sealed, for: SealingContext(.credentials, lane))
    }

    /// Opens a lane's key.
    func credentialsKey(_ wrappedKey: [UInt8], lane: Lane) throws(VaultError) -> SealingKey {
        let key = try ring.wrappingKeys.open(wrappedKey, for: SealingContext(.credentialsKey, lane))
        return SealingKey(id: "", key: key.withUnsafeBytes { SymmetricKey(data: $0) })
    }

    /// Whether the ring opens a lane's credentials key. It does not open the credentials.
    package func opensCredentialsKey(_ wrappedKey: [UInt8], lane: Lane) -> Bool {
        (try? credentialsKey(wrappedKey, lane: lane)) != nil
    }

    /// Wraps a lane's credentials key with the active key instead of a former one. It does not open the credentials.
    ///
    /// - Returns: the wrapped key; `nil` if the active key already wraps it.
    /// - Throws: as ``openCredentials(_:wrappedKey:lane:)``.
    package func rewrap(_ wrappedKey: [UInt8], lane: Lane) throws(VaultError) -> [UInt8]? {
        let keys = ring.wrappingKeys
        guard SealedForm.keyID(of: wrappedKey) != keys.active.id else { return nil }
        let context = SealingContext(.credentialsKey, lane)
        return try keys.open(wrappedKey, for: context).withUnsafeBytes { keys.active.seal($0, for: context) }
    }

    // MARK: Digests

    /// Returns the digest of a job's fingerprint (``JobIdentity/fingerprint``). It shows whether two messages have the same payload, but
    /// reveals the payload to nobody without the identity key.
    package func digest(of fingerprint: [UInt8]) -> [UInt8] { fingerprints.code(for: fingerprint) }

    /// Returns the digest of credentials, which identifies them without keeping them.
    package func credentialsDigest(of credentials: Credentials) -> [UInt8] {
        credentialsDigests.code { update in
            func add(_ field: UnsafeRawBufferPointer) {
                var length: [UInt8] = []
                length.append(lengthOf: field)
                length.withUnsafeBytes(update)
                update(field)
            }
            Array(credentials.username.utf8).withUnsafeBytes(add)
            credentials.secret.withUnsafeBytes(add)
            credentials.integrationCode?.withUnsafeBytes(add)
        }
    }

    /// Returns the markers that identify a lane's services in Autotask, also after a reset (`Rules` A2).
    package func ownershipMarkers(of lane: Lane) -> OwnershipMarkers { OwnershipMarkers(of: lane, markers) }

    /// Returns the code that identifies a preview: 16 bytes that nobody can make without the identity key.
    package func previewCode(of content: [UInt8]) -> [UInt8] { Array(previews.code(for: content).prefix(16)) }

    /// Returns the plain SHA-256 of a message's body, which identifies the message before its content is trusted.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}

/// Credentials in the form that the store keeps.
package struct SealedLaneCredentials: Hashable, Sendable {
    /// The key of ``sealed``, itself sealed under the key ring's active wrapping key.
    package let wrappedKey: [UInt8]
    package let sealed: [UInt8]
}
