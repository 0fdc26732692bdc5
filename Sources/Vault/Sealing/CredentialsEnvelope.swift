import Contract
import Crypto
import FoundationEssentials

/// How credentials are sealed (`Sealing-credentials`, "Seal"), for both sides. `schemas/vectors/sealed-credentials.json` has what other
/// implementations sealed.
enum CredentialsEnvelope {
    static let ciphersuite = HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
    /// What published keys call the kind of their keys.
    static let kem = "X25519"
    static let info = Data("autotask.job.connect/1".utf8)

    /// What the ciphertext is bound to: none of its parts can hold a `|`.
    static func authenticatedData(job: JobID, lane: Lane) -> [UInt8] {
        Array("\(job)|\(lane.tenant)|\(lane.product.rawValue)".utf8)
    }
}

extension Curve25519.KeyAgreement.PublicKey {
    private static let probe = Curve25519.KeyAgreement.PrivateKey()

    /// Whether every agreement with it is nothing but zeros, so that everybody knows it. RFC 9180 (7.1.4) has such a key refused, and swift-crypto
    /// leaves that to who uses it.
    var isOfLowOrder: Bool {
        guard let agreed = try? Self.probe.sharedSecretFromKeyAgreement(with: self) else { return true }
        return agreed.withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
    }
}
