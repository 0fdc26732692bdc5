import Contract
import Crypto
import FoundationEssentials

/// Credentials sealed like a portal does, by an independent implementation.
enum SealedSample {
    static let credentials: SealedCredentials = {
        do {
            let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: [UInt8](repeating: 3, count: 32))
            var sender = try HPKE.Sender(
                recipientKey: key.publicKey,
                ciphersuite: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256),
                info: Data("autotask.job.connect/1".utf8)
            )
            let ciphertext = try sender.seal(Samples.plaintext, authenticating: Array("job-1|msp-1|workplace".utf8))
            return SealedCredentials(
                keyID: Samples.recipientKeyID,
                encapsulatedKey: Array(sender.encapsulatedKey),
                ciphertext: Array(ciphertext)
            )
        } catch { preconditionFailure("\(error)") }
    }()
}
