/// The vault could not open what it was given, or the key ring is not usable.
package struct VaultError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// What is to be opened names a key that the key ring does not hold.
        case keyUnknown = "key_unknown"
        /// What is to be opened was sealed under another key or for something else, or was changed since. Which of these cannot be told.
        case decryptionFailed = "decryption_failed"
        /// The key ring file cannot be read or written, others may read it, or it holds no key ring.
        case keyRingUnusable = "key_ring_unusable"
        /// What should be published keys is not, or holds none that may be used now.
        case publishedKeysUnusable = "published_keys_unusable"
    }

    package let code: Code
    /// Safe to log; says what to do where something can be done.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }

    /// The one error of everything that does not open: a reason would tell an attacker what to try next.
    static func decryptionFailed() -> VaultError {
        VaultError(.decryptionFailed, "It does not open with the key that it names.")
    }

    static func keyUnknown() -> VaultError {
        VaultError(.keyUnknown, "The key ring does not hold the key that it names.")
    }
}
