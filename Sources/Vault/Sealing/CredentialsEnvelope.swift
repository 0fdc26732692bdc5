import Contract
import Crypto
import FoundationEssentials

/// The form of sealed credentials for both sides (`Sealing-credentials`, "Seal"). `schemas/vectors/sealed-credentials.json` has credentials that
/// other implementations sealed.
enum CredentialsEnvelope {
    static let ciphersuite = HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256)
    /// The name of the kind of keys in published keys.
    static let kem = "X25519"
    static let info = Data("autotask.job.connect/1".utf8)

    /// The data to which the ciphertext is bound. None of its parts can contain a `|`.
    static func authenticatedData(job: JobID, lane: Lane) -> [UInt8] {
        Array("\(job)|\(lane.tenant)|\(lane.product.rawValue)".utf8)
    }
}

extension Curve25519.KeyAgreement.PublicKey {
    private static let probe = Curve25519.KeyAgreement.PrivateKey()

    /// Whether every agreement with it is all zeros, and so known to everybody. RFC 9180 (7.1.4) requires that such a key is refused, and
    /// swift-crypto leaves this to its caller.
    var isOfLowOrder: Bool {
        guard let agreed = try? Self.probe.sharedSecretFromKeyAgreement(with: self) else { return true }
        return agreed.withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
    }
}
