import Contract
import Logging
import Store
import Telemetry
import Vault

extension JobContext {
    /// Seals names and prices for the audit log. An attempt opens the lane's key at most once, when it first seals something.
    ///
    /// - Returns: `nil` without a connection, because sealing uses the connection's key.
    func sealForAudit(_ details: [UInt8]) -> [UInt8]? {
        if auditSeal == nil, let connection = state.connection {
            do { auditSeal = try vault.auditSeal(of: lane, wrappedKey: connection.wrappedKey) } catch {
                log(.error, "Details for the audit log cannot be sealed", .keys([.error: "\(error)"]))
            }
        }
        return auditSeal?.seal(details, of: job.id)
    }
}
