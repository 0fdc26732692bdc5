package import Contract
import Crypto
import FoundationEssentials
package import Secrets

/// The portal's side of sealed credentials: it reads the output of `keys publish` and seals credentials to it (`Sealing-credentials`).
package struct PublishedKeys: Sendable {
    private struct Key: Sendable {
        let id: String
        let publicKey: Curve25519.KeyAgreement.PublicKey
        let notAfter: Timestamp
    }

    private let keys: [Key]

    /// - Parameter document: a document as `schemas/common/published-keys.json` describes it. Keys of an unknown kind are skipped.
    /// - Throws: ``VaultError/Code/publishedKeysUnusable``.
    package init(_ document: JSON) throws(VaultError) {
        guard let entries = document["keys"]?.array else {
            throw VaultError(.publishedKeysUnusable, "It is not the output of keys publish: its member keys is missing.")
        }
        var keys: [Key] = []
        for entry in entries where entry["kem"]?.string == CredentialsEnvelope.kem {
            guard let id = entry["keyId"]?.string, let notAfter = entry["notAfter"]?.string.flatMap({ Timestamp($0) }),
                let bytes = entry["publicKey"]?.string.flatMap(Base64URL.decode),
                let publicKey = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes),
                !publicKey.isOfLowOrder
            else { throw VaultError(.publishedKeysUnusable, "A key has no keyId, no notAfter or no valid X25519 publicKey.") }
            keys.append(Key(id: id, publicKey: publicKey, notAfter: notAfter))
        }
        self.keys = keys
    }

    /// Seals credentials for one connect job, to the first key that may still be used. Each call returns another blob, so a repeated job must
    /// carry its first blob.
    ///
    /// - Parameter plaintext: ``Credentials/encoded``.
    /// - Throws: ``VaultError/Code/publishedKeysUnusable`` when the time of every key is over.
    package func seal(_ plaintext: SecretReference, job: JobID, lane: Lane, at now: Timestamp) throws(VaultError) -> SealedCredentials {
        guard let key = keys.first(where: { $0.notAfter > now }) else {
            throw VaultError(.publishedKeysUnusable, "The time of every key in it is over: fetch the published keys again.")
        }
        do {
            var sender = try HPKE.Sender(
                recipientKey: key.publicKey,
                ciphersuite: CredentialsEnvelope.ciphersuite,
                info: CredentialsEnvelope.info
            )
            let authenticated = CredentialsEnvelope.authenticatedData(job: job, lane: lane)
            return SealedCredentials(
                keyID: key.id,
                encapsulatedKey: Array(sender.encapsulatedKey),
                ciphertext: try plaintext.withUnsafeBytes { Array(try sender.seal($0, authenticating: authenticated)) }
            )
        } catch {
            throw VaultError(.publishedKeysUnusable, "Sealing to its first valid key failed: fetch the published keys again.")
        }
    }
}
