import Contract
import Crypto
import FoundationEssentials
import Secrets

/// A key pair of the worker's, to whose public half portals seal credentials (`Sealing-credentials`).
struct RecipientKey: Sendable {
    let id: String
    let privateKey: Curve25519.KeyAgreement.PrivateKey
    /// When it was made; `nil` for a key from before that was written down.
    let createdAt: Timestamp?
    /// Portals are asked not to use it afterwards. What was sealed to it before still opens.
    let notAfter: Timestamp

    init(id: String, privateKey: Curve25519.KeyAgreement.PrivateKey, createdAt: Timestamp?, notAfter: Timestamp) {
        self.id = id
        self.privateKey = privateKey
        self.createdAt = createdAt
        self.notAfter = notAfter
    }

    init(generating id: String, at now: Timestamp, notAfter: Timestamp) {
        self.init(id: id, privateKey: .init(), createdAt: now, notAfter: notAfter)
    }

    /// What portals need of it.
    var publicKey: JSON {
        [
            "keyId": .string(id), "kem": .string(CredentialsEnvelope.kem),
            "publicKey": .string(Base64URL.encode(privateKey.publicKey.rawRepresentation)),
            "notAfter": .string(notAfter.description),
        ]
    }

    /// - Throws: ``VaultError/Code/decryptionFailed``, whatever the matter is. That no time is lost or gained by it is not claimed: what has the
    ///   wrong length, or is a point of low order, ends earlier, which tells a sender what it sent. The tag of what comes as far as
    ///   AES-GCM is compared in constant time.
    func open(_ sealed: SealedCredentials, job: JobID, lane: Lane) throws(VaultError) -> Secret {
        do {
            let encapsulatedKey = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: sealed.encapsulatedKey)
            guard !encapsulatedKey.isOfLowOrder else { throw VaultError.decryptionFailed() }
            var recipient = try HPKE.Recipient(
                privateKey: privateKey,
                ciphersuite: CredentialsEnvelope.ciphersuite,
                info: CredentialsEnvelope.info,
                encapsulatedKey: Data(sealed.encapsulatedKey)
            )
            let authenticated = CredentialsEnvelope.authenticatedData(job: job, lane: lane)
            return Secret(wiping: try recipient.open(sealed.ciphertext, authenticating: authenticated))
        } catch {
            throw VaultError.decryptionFailed()
        }
    }
}
