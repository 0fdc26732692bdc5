package import Store
package import Vault

extension AuditChain {
    /// The chain under the ring's identity key.
    package init(_ vault: Vault) { self.init { vault.auditCode(of: $0) } }
}
