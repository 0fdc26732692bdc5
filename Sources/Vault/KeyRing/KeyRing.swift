package import Contract
import Crypto

/// The worker's keys (`Decisions` 10). They are kept apart from the store; neither is of use without the other.
package struct KeyRing: Sendable {
    /// How long portals may use a new recipient key.
    private static let recipientKeyLifetime: Duration = .seconds(400 * 86_400)

    /// Wraps the credentials key of each lane.
    let wrappingKeys: RotatingKeys
    /// Seals accepted payloads.
    let jobKeys: RotatingKeys
    /// The identity key is never retired, because ownership markers in Autotask and digests of job ids depend on it.
    let identityKey: SymmetricKey
    /// The recipient keys, newest first. Portals use the newest.
    let recipientKeys: [RecipientKey]
    /// The id of the store that the ring belongs to; `nil` before its first use with a store, or if the ring could not be written then.
    package var storeID: String?

    /// The ring's own id, which never changes: 32 hexadecimal digits, derived from the identity key.
    package var id: String {
        Array(KeyedHMAC(key: identityKey).code(for: Array("autotask-worker/ring-id/1".utf8)).prefix(16)).hexadecimal
    }

    /// Makes a ring of new random keys.
    package static func generate(at now: Timestamp) -> KeyRing {
        KeyRing(
            wrappingKeys: RotatingKeys(generating: newID("wrap", at: now), at: now),
            jobKeys: RotatingKeys(generating: newID("job", at: now), at: now),
            identityKey: SymmetricKey(size: .bits256),
            recipientKeys: [RecipientKey(generating: newID("portal", at: now), at: now, notAfter: now + recipientKeyLifetime)]
        )
    }

    /// The keys with which portals seal credentials: the document that `keys publish` prints (`Sealing-credentials`, "Fetch the keys"). Portals
    /// use the first key. Keys whose time is over are left out.
    package func publicKeys(at now: Timestamp) -> JSON {
        ["keys": .array(recipientKeys.filter { $0.notAfter > now }.map(\.publicKey))]
    }

    /// Whether another ring is a later or earlier state of this one: the identity key never changes.
    func isSame(as other: KeyRing) -> Bool { identityKey == other.identityKey }
}

// MARK: - Rotation

extension KeyRing {
    /// The use of a key.
    package enum Use: String, CaseIterable, Sendable {
        /// Wraps the credentials keys of tenants.
        case credentials
        /// Seals accepted requests.
        case jobs
        /// Portals seal credentials to it.
        case portals
    }

    /// The properties of a key that may be shown.
    package struct Entry: Hashable, Sendable {
        package let id: String
        package let use: Use
        /// Whether it seals; a former key only opens what it sealed before.
        package let isActive: Bool
        package let createdAt: Timestamp?
        /// The end of use, for a key for portals.
        package let notAfter: Timestamp?
    }

    /// The keys by use, newest first.
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

    /// Returns the ring with new active keys for these uses. The previous keys still open what they sealed, until they are retired.
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

    /// Returns the ring without a key. It no longer opens anything that is sealed under this key.
    ///
    /// - Parameter id: the id of a key that is not active.
    package func retiring(_ id: String) -> KeyRing {
        KeyRing(
            wrappingKeys: RotatingKeys(active: wrappingKeys.active, former: wrappingKeys.former.filter { $0.id != id }),
            jobKeys: RotatingKeys(active: jobKeys.active, former: jobKeys.former.filter { $0.id != id }),
            identityKey: identityKey,
            recipientKeys: recipientKeys.prefix(1) + recipientKeys.dropFirst().filter { $0.id != id },
            storeID: storeID
        )
    }

    /// Returns the ring with the id of a store, or with none.
    package func belonging(to storeID: String?) -> KeyRing {
        var ring = self
        ring.storeID = storeID
        return ring
    }

    /// Makes a name that no key ever had, because retired keys are recognised by their names. The date in it is for people.
    private static func newID(_ name: String, at now: Timestamp) -> String {
        let number = String(UInt32.random(in: .min ... .max), radix: 16)
        return "\(name)-\(now.description.prefix(10))-\(String(repeating: "0", count: 8 - number.count))\(number)"
    }
}
