import Contract
import Crypto
import FoundationEssentials
import Secrets

/// A key pair of the worker. Portals seal credentials to its public half (`Sealing-credentials`).
struct RecipientKey: Sendable {
    let id: String
    let privateKey: Curve25519.KeyAgreement.PrivateKey
    /// When it was made; `nil` for a key from before this was recorded.
    let createdAt: Timestamp?
    /// Portals should not use it after this time. It still opens what was sealed to it before.
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

    /// The public half, as published for portals.
    var publicKey: JSON {
        [
            "keyId": .string(id), "kem": .string(CredentialsEnvelope.kem),
            "publicKey": .string(Base64URL.encode(privateKey.publicKey.rawRepresentation)),
            "notAfter": .string(notAfter.description),
        ]
    }

    /// - Throws: ``VaultError/Code/decryptionFailed`` for every cause. Its time is not constant: a blob with a wrong length, or with a
    ///   point of low order, fails earlier. This reveals only what the sender knows. AES-GCM compares its tag in constant time.
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

extension Secret {
    /// Copies the plaintext of a cipher, which has no other holder, and wipes the original.
    fileprivate init(wiping opened: consuming Data) {
        self.init(copying: opened.span)
        opened.resetBytes(in: opened.startIndex..<opened.endIndex)
    }
}
