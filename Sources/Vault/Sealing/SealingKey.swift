import Contract
import Crypto
import FoundationEssentials
import Secrets

/// A key that seals data with AES-256-GCM.
///
/// A sealed form begins as ``SealedForm`` describes; nonce, ciphertext and tag follow. Each context has its own key, derived from
/// this one. So hardly any two sealed forms share a key, and random nonces are never exhausted.
struct SealingKey: Sendable {
    /// The name of the key in the sealed form, so that keys can rotate.
    let id: String
    let key: SymmetricKey
    /// When it was made; `nil` for a key from before this was recorded.
    let createdAt: Timestamp?
    /// The function that derives keys. It is keyed in advance, which is the more expensive half.
    private let derivation: HMAC<SHA256>

    init(id: String, key: SymmetricKey, createdAt: Timestamp? = nil) {
        self.id = id
        self.key = key
        self.createdAt = createdAt
        derivation = HMAC(key: key)
    }

    func seal(_ plaintext: some DataProtocol, for context: SealingContext) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(plaintext, using: derivedKey(for: context), authenticating: context.encoded)
            var output = SealedForm.front(keyID: id, capacity: 12 + plaintext.count + 16)
            output.append(contentsOf: box.nonce)
            output.append(contentsOf: box.ciphertext)
            output.append(contentsOf: box.tag)
            return output
        } catch {
            // AES-GCM refuses only keys of another size, which the type of this key rules out, and more than 64 GiB of plaintext.
            fatalError("AES-256-GCM refused to seal \(plaintext.count) bytes: \(error)")
        }
    }

    /// - Throws: ``VaultError/Code/decryptionFailed``.
    func open(_ sealed: [UInt8], for context: SealingContext) throws(VaultError) -> Secret {
        guard SealedForm.keyID(of: sealed) == id else { throw VaultError.decryptionFailed() }
        do {
            let box = try AES.GCM.SealedBox(combined: sealed[(2 + id.utf8.count)...])
            return Secret(wiping: try AES.GCM.open(box, using: derivedKey(for: context), authenticating: context.encoded))
        } catch {
            throw VaultError.decryptionFailed()
        }
    }

    private func derivedKey(for context: SealingContext) -> SymmetricKey {
        SymmetricKey(data: derivation.code(for: context.encoded))
    }
}

extension Secret {
    /// Copies the plaintext of a cipher, which has no other holder, and wipes the original.
    init(wiping opened: consuming Data) {
        self.init(copying: opened.span)
        opened.resetBytes(in: opened.startIndex..<opened.endIndex)
    }
}

extension HMAC {
    /// Returns the authentication code of some bytes. The function must be keyed and unused.
    func code(for bytes: [UInt8]) -> MAC {
        var function = self
        function.update(data: bytes)
        return function.finalize()
    }
}
