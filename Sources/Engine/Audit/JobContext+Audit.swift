import Contract
import Logging
import Store
import Telemetry
import Vault

extension JobContext {
    /// Seals names and prices for the audit log. The lane's key is opened once in an attempt, and only if there is something to seal.
    ///
    /// - Returns: `nil` without a connection, whose key it takes.
    func sealForAudit(_ details: [UInt8]) -> [UInt8]? {
        if auditSeal == nil, let connection = state.connection {
            do { auditSeal = try vault.auditSeal(of: lane, wrappedKey: connection.wrappedKey) } catch {
                log(.error, "What the audit log is to keep cannot be sealed", .keys([.error: "\(error)"]))
            }
        }
        return auditSeal?.seal(details, of: job.id)
    }
}
