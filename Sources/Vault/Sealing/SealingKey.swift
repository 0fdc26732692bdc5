import Crypto

/// A key under which things are sealed with AES-256-GCM.
///
/// A sealed form is a version byte, the length of the key's name and the name, then nonce, ciphertext and tag. Each context has a key of
/// its own, derived from this one: so however many things are sealed, hardly any two share a key, and random nonces never run out.
struct SealingKey: Sendable {
    private static let version: UInt8 = 1

    /// At most 255 bytes. It stands in the sealed form, so that keys can rotate.
    let id: String
    let key: SymmetricKey
    /// Keyed already: that is the dearer half of deriving a key.
    private let derivation: HMAC<SHA256>

    init(id: String, key: SymmetricKey) {
        self.id = id
        self.key = key
        derivation = HMAC(key: key)
    }

    func seal(_ plaintext: [UInt8], for context: SealingContext) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(plaintext, using: derivedKey(for: context), authenticating: context.encoded)
            var output: [UInt8] = []
            output.reserveCapacity(2 + id.utf8.count + 12 + plaintext.count + 16)
            output.append(SealingKey.version)
            output.append(UInt8(id.utf8.count))
            output.append(contentsOf: id.utf8)
            output.append(contentsOf: box.nonce)
            output.append(contentsOf: box.ciphertext)
            output.append(contentsOf: box.tag)
            return output
        } catch {
            // AES-GCM refuses keys of another size, which the type of this key rules out, and more than 64 GiB of plaintext.
            fatalError("AES-256-GCM refused to seal \(plaintext.count) bytes: \(error)")
        }
    }

    /// The name of the key under which something was sealed; `nil` if it is nothing sealed.
    static func id(of sealed: [UInt8]) -> String? {
        guard sealed.count >= 2, sealed[0] == version, sealed.count >= 2 + Int(sealed[1]) else { return nil }
        return String(decoding: sealed[2..<2 + Int(sealed[1])], as: UTF8.self)
    }

    /// - Throws: ``VaultError/Code/decryptionFailed``.
    func open(_ sealed: [UInt8], for context: SealingContext) throws(VaultError) -> [UInt8] {
        guard SealingKey.id(of: sealed) == id else { throw VaultError.decryptionFailed() }
        do {
            let box = try AES.GCM.SealedBox(combined: sealed[(2 + id.utf8.count)...])
            return Array(try AES.GCM.open(box, using: derivedKey(for: context), authenticating: context.encoded))
        } catch {
            throw VaultError.decryptionFailed()
        }
    }

    private func derivedKey(for context: SealingContext) -> SymmetricKey {
        SymmetricKey(data: derivation.code(for: context.encoded))
    }
}

extension HMAC {
    /// The authentication code of some bytes, by a function that has its key and was given nothing yet.
    func code(for bytes: [UInt8]) -> MAC {
        var function = self
        function.update(data: bytes)
        return function.finalize()
    }
}
