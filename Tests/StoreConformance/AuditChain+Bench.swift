import Contract
package import Store
import Vault

extension AuditChain {
    /// The chain of the audit log in a store under test.
    package static let bench: AuditChain = {
        let vault = Vault(KeyRing.generate(at: Bench.start))
        return AuditChain { vault.auditCode(of: $0) }
    }()
}

extension AuditActor {
    /// The person who runs a command in a test.
    package static let tester = AuditActor.systemUser(1000)
}
