import COpenSSL
import Contract
import Crypto
import Secrets

/// A key that seals data with AES-256-GCM.
///
/// A sealed form begins as ``SealedForm`` describes; nonce, ciphertext and tag follow. Each context has its own key, derived from
/// this one. So hardly any two sealed forms share a key, and random nonces are never exhausted.
final class SealingKey: Sendable {
    private static let nonceSize = Int(COpenSSL_nonce_size)
    private static let tagSize = Int(COpenSSL_tag_size)
    /// Safe on any thread: it is never changed or freed, and OpenSSL counts references to it atomically. Without it, each sealing is refused.
    private nonisolated(unsafe) static let cipher = COpenSSL_aes_gcm()

    /// The name of the key in the sealed form, so that keys can rotate.
    let id: String
    let key: SymmetricKey
    /// When it was made; `nil` for a key from before this was recorded.
    let createdAt: Timestamp?
    private let derivation: KeyedHMAC

    init(id: String, key: SymmetricKey, createdAt: Timestamp? = nil) {
        self.id = id
        self.key = key
        self.createdAt = createdAt
        derivation = KeyedHMAC(key: key)
    }

    func seal(_ plaintext: UnsafeRawBufferPointer, for context: SealingContext) -> [UInt8] {
        let front = SealedForm.front(keyID: id, capacity: 0)
        let plain = plaintext.bindMemory(to: UInt8.self)
        let size = front.count + SealingKey.nonceSize + plain.count + SealingKey.tagSize
        return [UInt8](unsafeUninitializedCapacity: size) { output, count in
            _ = output.update(fromContentsOf: front)
            let nonce = output.baseAddress! + front.count
            let sealed = nonce + SealingKey.nonceSize
            // The kernel seeds OpenSSL's generator, and a running system always can. A nonce that is not random must never be used.
            guard COpenSSL_random(nonce, SealingKey.nonceSize) == 1 else { fatalError("OpenSSL has no random bytes") }
            let isSealed = derivation.withKey(for: context.encoded) { key in
                COpenSSL_seal(
                    SealingKey.cipher,
                    key,
                    nonce,
                    context.encoded,
                    context.encoded.count,
                    plain.baseAddress,
                    plain.count,
                    sealed,
                    sealed + plain.count
                )
            }
            // It refuses only keys of another size, which the type of this key rules out, and more than 2 GiB.
            guard isSealed == 1 else { fatalError("AES-256-GCM refused to seal \(plain.count) bytes") }
            count = size
        }
    }

    func seal(_ plaintext: some Collection<UInt8>, for context: SealingContext) -> [UInt8] {
        plaintext.withContiguousStorageIfAvailable { seal(UnsafeRawBufferPointer($0), for: context) }
            ?? Array(plaintext).withUnsafeBytes { seal($0, for: context) }
    }

    /// - Throws: ``VaultError/Code/decryptionFailed``.
    func open(_ sealed: [UInt8], for context: SealingContext) throws(VaultError) -> Secret {
        guard SealedForm.keyID(of: sealed) == id else { throw VaultError.decryptionFailed() }
        let front = 2 + id.utf8.count + SealingKey.nonceSize
        let size = sealed.count - front - SealingKey.tagSize
        guard size >= 0 else { throw VaultError.decryptionFailed() }
        return try Secret(capacity: size) { output throws(VaultError) in
            let isOpen = output.withUnsafeMutableBufferPointer { plain, count in
                sealed.withUnsafeBufferPointer { sealed in
                    let text = sealed.baseAddress! + front
                    count = size
                    return derivation.withKey(for: context.encoded) { key in
                        COpenSSL_open(
                            SealingKey.cipher,
                            key,
                            text - SealingKey.nonceSize,
                            context.encoded,
                            context.encoded.count,
                            text,
                            size,
                            text + size,
                            plain.baseAddress
                        )
                    }
                }
            }
            guard isOpen == 1 else { throw VaultError.decryptionFailed() }
        }
    }
}
