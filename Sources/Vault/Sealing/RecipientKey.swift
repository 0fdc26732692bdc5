import Contract
import Crypto
import FoundationEssentials

/// A key pair of the worker's, to whose public half portals seal credentials (`contract.md` 3).
struct RecipientKey: Sendable {
    let id: String
    let privateKey: Curve25519.KeyAgreement.PrivateKey
    /// Portals are asked not to use it afterwards. What was sealed to it before still opens.
    let notAfter: Timestamp

    /// What portals need of it.
    var publicKey: JSON {
        [
            "keyId": .string(id), "kem": "X25519", "publicKey": .string(Base64URL.encode(privateKey.publicKey.rawRepresentation)),
            "notAfter": .string(notAfter.description),
        ]
    }

    /// - Throws: ``VaultError/Code/decryptionFailed``.
    func open(_ sealed: SealedCredentials, job: JobID, lane: Lane) throws(VaultError) -> [UInt8] {
        do {
            var recipient = try HPKE.Recipient(
                privateKey: privateKey,
                ciphersuite: CredentialsEnvelope.ciphersuite,
                info: CredentialsEnvelope.info,
                encapsulatedKey: Data(sealed.encapsulatedKey)
            )
            return Array(
                try recipient.open(sealed.ciphertext, authenticating: CredentialsEnvelope.authenticatedData(job: job, lane: lane))
            )
        } catch {
            throw VaultError.decryptionFailed()
        }
    }
}

/// How `contract.md` 3 has credentials sealed.
private enum CredentialsEnvelope {
    static let ciphersuite = HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
    static let info = Data("autotask.job.connect/1".utf8)

    static func authenticatedData(job: JobID, lane: Lane) -> [UInt8] {
        Array("\(job)|\(lane.tenant)|\(lane.product.rawValue)".utf8)
    }
}
