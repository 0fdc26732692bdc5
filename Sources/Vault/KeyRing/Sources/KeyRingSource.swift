/// Where a key ring comes from. A file is one; an adapter for a key management service or Vault's Transit engine, which opens a ring that is
/// kept sealed, would be another.
package protocol KeyRingSource: Sendable, CustomStringConvertible {
    /// The ring as it is now. Called at the start, every few seconds, and when something names a key that is not known: one that has not
    /// changed should cost next to nothing.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable``.
    func load() async throws(VaultError) -> KeyRing
}

/// Where `VAULT_KEYS` says that the key ring is.
package enum KeyRingLocation: Hashable, Sendable {
    /// `PATH`
    case file(String)
    /// `env:NAME`, an environment variable with the ring's text.
    case environment(String)
    /// `credential:NAME`, a credential that systemd hands to the service (`LoadCredential=`).
    case credential(String)

    /// - Returns: `nil` when a prefix has nothing behind it, or a credential's name is a path.
    package init?(_ text: String) {
        func name(after prefix: String) -> String? { text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil }
        if let name = name(after: "env:") {
            self = .environment(name)
        } else if let name = name(after: "credential:") {
            self = .credential(name)
        } else {
            self = .file(text)
        }
        switch self {
        case .file(let text), .environment(let text): guard !text.isEmpty else { return nil }
        case .credential(let name): guard !name.isEmpty, !name.contains("/") else { return nil }
        }
    }
}
