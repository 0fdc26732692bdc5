package import Contract
import Secrets

/// What the audit log needs of the keys: codes that chain its rows, and a seal for what only the lane's key may show.
extension Vault {
    /// The code of some bytes, by which the rows of the audit log are chained: under the identity key, which is never retired.
    package func auditCode(of bytes: [UInt8]) -> [UInt8] { Array(auditCodes.code(for: bytes)) }

    /// Opens a lane's credentials key for what the audit log keeps of the lane.
    ///
    /// - Throws: ``VaultError/Code/keyUnknown`` or ``VaultError/Code/decryptionFailed``; the latter also for another lane's key.
    package func auditSeal(of lane: Lane, wrappedKey: [UInt8]) throws(VaultError) -> AuditSeal {
        AuditSeal(key: try credentialsKey(wrappedKey, lane: lane), lane: lane)
    }
}

/// A lane's credentials key, opened to seal the names and prices in its rows of the audit log, or to read them. A reset destroys the key, and
/// with it these.
package struct AuditSeal: Sendable {
    fileprivate let key: SealingKey
    fileprivate let lane: Lane

    package func seal(_ details: [UInt8], of job: JobID) -> [UInt8] { key.seal(details, for: context(job)) }

    /// - Throws: ``VaultError/Code/decryptionFailed``, also for what belongs to another lane or job, or to a key that a reset has destroyed.
    package func open(_ sealed: [UInt8], of job: JobID) throws(VaultError) -> [UInt8] {
        try key.open(sealed, for: context(job)).withUnsafeBytes { Array($0) }
    }

    private func context(_ job: JobID) -> SealingContext { SealingContext(.audit, lane, job: job) }
}
