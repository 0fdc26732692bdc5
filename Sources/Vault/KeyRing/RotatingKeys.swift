import Contract
import Crypto
import Secrets

/// Keys of one use. The active key seals; former keys only open what they sealed before.
struct RotatingKeys: Sendable {
    let active: SealingKey
    let former: [SealingKey]

    init(active: SealingKey, former: [SealingKey]) {
        self.active = active
        self.former = former
    }

    init(generating id: String, at now: Timestamp? = nil) {
        self.init(active: SealingKey(id: id, key: SymmetricKey(size: .bits256), createdAt: now), former: [])
    }

    /// All keys, newest first.
    var all: [SealingKey] { [active] + former }

    /// Returns the keys with a new active one. The previous one becomes a former key.
    func rotated(to id: String, at now: Timestamp) -> RotatingKeys {
        RotatingKeys(active: RotatingKeys(generating: id, at: now).active, former: all)
    }

    /// The key of a name.
    subscript(id: String) -> SealingKey? { active.id == id ? active : former.first { $0.id == id } }

    func open(_ sealed: [UInt8], for context: SealingContext) throws(VaultError) -> Secret {
        guard let id = SealedForm.keyID(of: sealed) else { throw VaultError.decryptionFailed() }
        guard let key = self[id] else { throw VaultError.keyUnknown() }
        return try key.open(sealed, for: context)
    }
}
