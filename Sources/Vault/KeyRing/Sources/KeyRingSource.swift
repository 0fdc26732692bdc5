/// A source of a key ring, such as a file. An adapter for a key management service or Vault's Transit engine, which opens a sealed ring, would be
/// another.
package protocol KeyRingSource: Sendable, CustomStringConvertible {
    /// Returns the current ring. It is called at the start, every few seconds, and for an unknown key. An unchanged ring should cost
    /// almost nothing.
    ///
    /// - Throws: ``VaultError/Code/keyRingUnusable``.
    func load() async throws(VaultError) -> KeyRing
}

/// The location of the key ring, from `VAULT_KEYS`.
package enum KeyRingLocation: Hashable, Sendable {
    /// `PATH`
    case file(String)
    /// `env:NAME`: an environment variable with the ring's text.
    case environment(String)
    /// `credential:NAME`: a credential that systemd passes to the service (`LoadCredential=`).
    case credential(String)

    /// - Returns: `nil` if nothing follows a prefix, or a credential's name is a path.
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
