import Contract
import Crypto

/// The key ring in its file:
///
/// ```json
/// { "version": 1,
///   "wrappingKeys": { "active": "wrap-2026-11-22-1f0c9a3e", "keys": [{ "keyId": "wrap-2026-11-22-1f0c9a3e", "createdAt": "…", "key": "…" }] },
///   "jobKeys": { "active": "job-2026-11-22-82d4e6b0", "keys": [{ "keyId": "job-2026-11-22-82d4e6b0", "createdAt": "…", "key": "…" }] },
///   "identityKey": "…", "storeId": "…",
///   "recipientKeys": [{ "keyId": "portal-2026-11-22-5a7710cd", "kem": "X25519", "createdAt": "…", "notAfter": "…", "privateKey": "…" }] }
/// ```
///
/// Keys are 32 bytes in base64url; times are date-times of RFC 3339. `createdAt` and `storeId` may be missing. In each list, the newest key comes
/// first.
extension KeyRing {
    private static let version: Int64 = 1
    /// The maximum number of keys of one use in a ring: daily rotation fills it in about eleven years.
    fileprivate static let maximumKeys = 4096

    var encoded: [UInt8] {
        var json: JSONObject = [
            "version": JSON(KeyRing.version),
            "wrappingKeys": wrappingKeys.json,
            "jobKeys": jobKeys.json,
            "identityKey": .string(identityKey.text),
            "recipientKeys": .array(recipientKeys.map(\.json)),
        ]
        if let storeID { json["storeId"] = .string(storeID) }
        return JSON.object(json).encoded + [UInt8(ascii: "\n")]
    }

    /// - Throws: ``VaultError/Code/keyRingUnusable``, naming the member that is wrong, never its value.
    init(parsing bytes: [UInt8]) throws(VaultError) {
        guard let json = try? JSON(parsing: bytes) else { throw VaultError(.keyRingUnusable, "It is not JSON.") }
        guard json["version"]?.integer == KeyRing.version else {
            throw VaultError(
                .keyRingUnusable,
                "Its version is not \(KeyRing.version): it is not a key ring, or one of another program version."
            )
        }
        wrappingKeys = try RotatingKeys(json, member: "wrappingKeys")
        jobKeys = try RotatingKeys(json, member: "jobKeys")
        identityKey = try SymmetricKey(json["identityKey"], member: "identityKey")
        guard let recipients = json["recipientKeys"]?.array, (1...KeyRing.maximumKeys).contains(recipients.count) else {
            throw VaultError.wrong("recipientKeys")
        }
        var recipientKeys: [RecipientKey] = []
        for recipient in recipients { recipientKeys.append(try RecipientKey(recipient)) }
        guard Set(recipientKeys.map(\.id)).count == recipientKeys.count else { throw VaultError.wrong("recipientKeys") }
        self.recipientKeys = recipientKeys
        switch json["storeId"] {
        case nil: storeID = nil
        case .string(let id)? where !id.isEmpty: storeID = id
        default: throw VaultError.wrong("storeId")
        }
    }
}

extension VaultError {
    fileprivate static func wrong(_ member: String) -> VaultError {
        VaultError(.keyRingUnusable, "Its member \(member) is missing or wrong.")
    }
}

extension RotatingKeys {
    fileprivate var json: JSON {
        [
            "active": .string(active.id),
            "keys": .array(
                all.map { key in
                    var json: JSONObject = ["keyId": .string(key.id), "key": .string(key.key.text)]
                    if let moment = key.createdAt { json["createdAt"] = .string(moment.description) }
                    return .object(json)
                }
            ),
        ]
    }

    fileprivate init(_ ring: JSON, member: String) throws(VaultError) {
        guard let json = ring[member], let entries = json["keys"]?.array, entries.count <= KeyRing.maximumKeys else {
            throw VaultError.wrong(member)
        }
        var keys: [SealingKey] = []
        for entry in entries {
            guard let id = entry["keyId"]?.string, (1...SealedForm.maximumKeyID).contains(id.utf8.count) else {
                throw VaultError.wrong(member)
            }
            let key = try SymmetricKey(entry["key"], member: member)
            keys.append(SealingKey(id: id, key: key, createdAt: try entry.creation(member: member)))
        }
        guard Set(keys.map(\.id)).count == keys.count, let active = keys.first(where: { $0.id == json["active"]?.string }) else {
            throw VaultError.wrong(member)
        }
        self.init(active: active, former: keys.filter { $0.id != active.id })
    }
}

extension RecipientKey {
    fileprivate var json: JSON {
        var json: JSONObject = [
            "keyId": .string(id), "kem": .string(CredentialsEnvelope.kem),
            "privateKey": .string(Base64URL.encode(privateKey.rawRepresentation)),
            "notAfter": .string(notAfter.description),
        ]
        if let createdAt { json["createdAt"] = .string(createdAt.description) }
        return .object(json)
    }

    fileprivate init(_ json: JSON) throws(VaultError) {
        guard let id = json["keyId"]?.string, (1...SealedForm.maximumKeyID).contains(id.utf8.count),
            json["kem"]?.string == CredentialsEnvelope.kem,
            let privateKey = json["privateKey"]?.string.flatMap(Base64URL.decode),
            let notAfter = json["notAfter"]?.string.flatMap({ Timestamp($0) }),
            let privateKey = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: privateKey)
        else { throw VaultError.wrong("recipientKeys") }
        self.init(id: id, privateKey: privateKey, createdAt: try json.creation(member: "recipientKeys"), notAfter: notAfter)
    }
}

extension JSON {
    /// When a key was made, if that is recorded.
    fileprivate func creation(member: String) throws(VaultError) -> Timestamp? {
        guard let value = self["createdAt"] else { return nil }
        guard let moment = value.string.flatMap({ Timestamp($0) }) else { throw VaultError.wrong(member) }
        return moment
    }
}

extension SymmetricKey {
    fileprivate var text: String { withUnsafeBytes { Base64URL.encode($0) } }

    fileprivate init(_ json: JSON?, member: String) throws(VaultError) {
        guard let bytes = json?.string.flatMap(Base64URL.decode), bytes.count == 32 else { throw VaultError.wrong(member) }
        self.init(data: bytes)
    }
}
