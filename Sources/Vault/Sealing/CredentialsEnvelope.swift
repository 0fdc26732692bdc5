import Contract
import Crypto
import FoundationEssentials

/// How `contract.md` 3 has credentials sealed, for both sides. `schemas/vectors/sealed-credentials.json` has examples of other hands.
enum CredentialsEnvelope {
    static let ciphersuite = HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
    static let info = Data("autotask.job.connect/1".utf8)

    /// What the ciphertext is bound to: none of its parts can hold a `|`.
    static func authenticatedData(job: JobID, lane: Lane) -> [UInt8] {
        Array("\(job)|\(lane.tenant)|\(lane.product.rawValue)".utf8)
    }
}
