import Contract
package import Store
import Vault

extension AuditChain {
    /// What chains the audit log of a store under test.
    package static let bench: AuditChain = {
        let vault = Vault(KeyRing.generate(at: Bench.start))
        return AuditChain { vault.auditCode(of: $0) }
    }()
}

extension AuditActor {
    /// Whoever runs a command in a test.
    package static let tester = AuditActor.systemUser(1000)
}
