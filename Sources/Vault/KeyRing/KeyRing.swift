package import Contract
import Crypto

/// The worker's keys (design decision 10). They live in a file of their own, apart from the store: neither is of use without the other.
package struct KeyRing: Sendable {
    /// How long portals may use a new recipient key.
    private static let recipientKeyLifetime: Duration = .seconds(400 * 86_400)

    /// Wraps the credentials key of each lane.
    let wrappingKeys: RotatingKeys
    /// Seals accepted payloads.
    let jobKeys: RotatingKeys
    /// Never retired: ownership markers in Autotask and digests of job ids are made with it.
    let identityKey: SymmetricKey
    let recipientKeys: [RecipientKey]

    /// New keys, all of them random.
    package static func generate(at now: Timestamp) -> KeyRing {
        let date = now.description.prefix(10)
        return KeyRing(
            wrappingKeys: RotatingKeys(generating: "wrap-\(date)"),
            jobKeys: RotatingKeys(generating: "job-\(date)"),
            identityKey: SymmetricKey(size: .bits256),
            recipientKeys: [
                RecipientKey(id: "portal-\(date)", privateKey: .init(), notAfter: now + recipientKeyLifetime)
            ]
        )
    }

    /// What portals need to seal credentials: the document that `keys publish` prints (`contract.md` 3).
    package var publicKeys: JSON { ["keys": .array(recipientKeys.map(\.publicKey))] }
}

/// Keys of one use: the active one seals, the others only open what was sealed before.
struct RotatingKeys: Sendable {
    let active: SealingKey
    let retired: [SealingKey]

    init(active: SealingKey, retired: [SealingKey]) {
        self.active = active
        self.retired = retired
    }

    init(generating id: String) {
        self.init(active: SealingKey(id: id, key: SymmetricKey(size: .bits256)), retired: [])
    }

    func open(_ sealed: [UInt8], for context: SealingContext) throws(VaultError) -> [UInt8] {
        guard let id = SealingKey.id(of: sealed) else { throw VaultError.decryptionFailed() }
        guard let key = active.id == id ? active : retired.first(where: { $0.id == id }) else { throw VaultError.keyUnknown() }
        return try key.open(sealed, for: context)
    }
}
