package import Contract
import Crypto

/// The worker's keys (`Decisions` 10). They live in a place of their own, apart from the store: neither is of use without the other.
package struct KeyRing: Sendable {
    /// How long portals may use a new recipient key.
    private static let recipientKeyLifetime: Duration = .seconds(400 * 86_400)

    /// Wraps the credentials key of each lane.
    let wrappingKeys: RotatingKeys
    /// Seals accepted payloads.
    let jobKeys: RotatingKeys
    /// Never retired: ownership markers in Autotask and digests of job ids are made with it.
    let identityKey: SymmetricKey
    /// The newest first: it is the one for portals to use.
    let recipientKeys: [RecipientKey]
    /// The id of the store that the ring belongs to; `nil` until it was used with one, and in a ring that could not be written then.
    package var storeID: String?

    /// The ring's own id, the same in all its states: 32 hexadecimal digits, derived from the identity key.
    package var id: String {
        Array(HMAC<SHA256>.authenticationCode(for: Array("autotask-worker/ring-id/1".utf8), using: identityKey).prefix(16)).hexadecimal
    }

    /// New keys, all of them random.
    package static func generate(at now: Timestamp) -> KeyRing {
        KeyRing(
            wrappingKeys: RotatingKeys(generating: newID("wrap", at: now), at: now),
            jobKeys: RotatingKeys(generating: newID("job", at: now), at: now),
            identityKey: SymmetricKey(size: .bits256),
            recipientKeys: [RecipientKey(generating: newID("portal", at: now), at: now, notAfter: now + recipientKeyLifetime)]
        )
    }

    /// What portals need to seal credentials: the document that `keys publish` prints (`Sealing-credentials`, "Fetch the keys"). The first is
    /// the one to use; a key whose time is over is not among them.
    package func publicKeys(at now: Timestamp) -> JSON {
        ["keys": .array(recipientKeys.filter { $0.notAfter > now }.map(\.publicKey))]
    }

    /// Whether the other is a later or earlier state of the same ring: the identity key stays what it is.
    func isSame(as other: KeyRing) -> Bool { identityKey == other.identityKey }
}

// MARK: - Rotation

extension KeyRing {
    /// What keys are for.
    package enum Use: String, CaseIterable, Sendable {
        /// Wrap the credentials keys of tenants.
        case credentials
        /// Seal accepted requests.
        case jobs
        /// Portals seal credentials to them.
        case portals
    }

    /// A key as it may be shown.
    package struct Entry: Hashable, Sendable {
        package let id: String
        package let use: Use
        /// Whether it seals; otherwise it only opens what was sealed before.
        package let isActive: Bool
        package let createdAt: Timestamp?
        /// Of a key for portals.
        package let notAfter: Timestamp?
    }

    /// By use, the newest first.
    package var entries: [Entry] {
        func entries(_ use: Use, _ keys: RotatingKeys) -> [Entry] {
            keys.all.map { Entry(id: $0.id, use: use, isActive: $0.id == keys.active.id, createdAt: $0.createdAt, notAfter: nil) }
        }
        return entries(.credentials, wrappingKeys) + entries(.jobs, jobKeys)
            + recipientKeys.enumerated().map { index, key in
                Entry(id: key.id, use: .portals, isActive: index == 0, createdAt: key.createdAt, notAfter: key.notAfter)
            }
    }

    package func activeKey(for use: Use) -> Entry? { entries.first { $0.use == use && $0.isActive } }

    /// With new active keys for these uses. What was active opens still, until it is retired.
    package func rotated(_ uses: Set<Use>, at now: Timestamp) -> KeyRing {
        KeyRing(
            wrappingKeys: uses.contains(.credentials) ? wrappingKeys.rotated(to: KeyRing.newID("wrap", at: now), at: now) : wrappingKeys,
            jobKeys: uses.contains(.jobs) ? jobKeys.rotated(to: KeyRing.newID("job", at: now), at: now) : jobKeys,
            identityKey: identityKey,
            recipientKeys: uses.contains(.portals)
                ? [RecipientKey(generating: KeyRing.newID("portal", at: now), at: now, notAfter: now + KeyRing.recipientKeyLifetime)]
                    + recipientKeys
                : recipientKeys,
            storeID: storeID
        )
    }

    /// Without a key: what is sealed under it opens no more.
    ///
    /// - Parameter id: of a key that is not active.
    package func retiring(_ id: String) -> KeyRing {
        KeyRing(
            wrappingKeys: RotatingKeys(active: wrappingKeys.active, former: wrappingKeys.former.filter { $0.id != id }),
            jobKeys: RotatingKeys(active: jobKeys.active, former: jobKeys.former.filter { $0.id != id }),
            identityKey: identityKey,
            recipientKeys: recipientKeys.prefix(1) + recipientKeys.dropFirst().filter { $0.id != id },
            storeID: storeID
        )
    }

    /// The ring as it remembers a store, or none.
    package func belonging(to storeID: String?) -> KeyRing {
        var ring = self
        ring.storeID = storeID
        return ring
    }

    /// A name that no key ever had: what was retired is known by its name to be gone. The date in it is for people.
    private static func newID(_ name: String, at now: Timestamp) -> String {
        let number = String(UInt32.random(in: .min ... .max), radix: 16)
        return "\(name)-\(now.description.prefix(10))-\(String(repeating: "0", count: 8 - number.count))\(number)"
    }
}
