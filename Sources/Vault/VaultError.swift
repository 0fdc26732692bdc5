/// A failure to open sealed data, or an unusable key ring.
package struct VaultError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The sealed data names a key that the key ring does not hold.
        case keyUnknown = "key_unknown"
        /// The data was sealed under another key or in another context, or was changed since. The cause is not known.
        case decryptionFailed = "decryption_failed"
        /// The key ring file cannot be read or written, others may read it, or it is not a key ring.
        case keyRingUnusable = "key_ring_unusable"
        /// The document is not one of published keys, or holds no key that may be used now.
        case publishedKeysUnusable = "published_keys_unusable"
    }

    package let code: Code
    /// Safe to log. It says what to do, if something can be done.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }

    /// The only error for data that cannot be opened: a reason would help an attacker.
    static func decryptionFailed() -> VaultError {
        VaultError(.decryptionFailed, "It cannot be opened with the key that it names.")
    }

    static func keyUnknown() -> VaultError {
        VaultError(.keyUnknown, "The key ring does not hold the key that it names.")
    }
}
