package import Contract
import Secrets

/// The functions for the audit log: codes that chain its rows, and a seal with the lane's key.
extension Vault {
    /// Returns the code that chains rows of the audit log. It uses the identity key, which is never retired.
    package func auditCode(of bytes: [UInt8]) -> [UInt8] { auditCodes.code(for: bytes) }

    /// Opens a lane's credentials key to seal or read details in the audit log.
    ///
    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's key.
    package func auditSeal(of lane: Lane, wrappedKey: [UInt8]) throws(VaultError) -> AuditSeal {
        AuditSeal(key: try credentialsKey(wrappedKey, lane: lane), lane: lane)
    }
}

/// A lane's credentials key that seals or opens the names and prices in its rows of the audit log. A reset destroys the key, and
/// with it these details.
package struct AuditSeal: Sendable {
    fileprivate let key: SealingKey
    fileprivate let lane: Lane

    package func seal(_ details: [UInt8], of job: JobID) -> [UInt8] { key.seal(details, for: context(job)) }

    /// - Throws: ``VaultError/Code/decryptionFailed``, also for data of another lane or job, or of a key that a reset has destroyed.
    package func open(_ sealed: [UInt8], of job: JobID) throws(VaultError) -> [UInt8] {
        try key.open(sealed, for: context(job)).withUnsafeBytes { Array($0) }
    }

    private func context(_ job: JobID) -> SealingContext { SealingContext(.audit, lane, job: job) }
}
