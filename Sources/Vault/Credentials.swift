package import Contract
package import Secrets

/// What an API user proves itself with, in the clear: `{ "username", "secret", "integrationCode"? }` (`contract.md` 3).
///
/// It has no description. Its secrets are read from bytes straight into memory that is wiped when the last holder lets go: they never are a
/// `String`, which nobody could wipe.
package final class Credentials: Sendable {
    /// No header that carries one of them has to be longer, and no server takes much longer ones.
    private static let maximumBytes = 1024

    package let username: String
    package let secret: SecretReference
    /// The tenant's own tracking identifier, where it has one.
    package let integrationCode: SecretReference?

    package init(username: String, secret: SecretReference, integrationCode: SecretReference?) {
        self.username = username
        self.secret = secret
        self.integrationCode = integrationCode
    }

    /// Reads the plaintext of credentials, which is what a portal's sealed blob opens to, and what the store keeps sealed.
    ///
    /// - Throws: `job_invalid`, naming the member and never its value.
    package init(parsing plaintext: Span<UInt8>) throws(JobError) {
        let members: [ScannedJSONMember]
        do { members = try JSON.scan(objectText: plaintext) } catch {
            throw JobError(.jobInvalid, "The credentials are not a JSON object.", field: "data.credentials")
        }
        func value(_ name: String) throws(JobError) -> SecretReference? {
            guard let member = members.first(where: { $0.name == name }), !member.isNull else { return nil }
            let field = "data.credentials.\(name)"
            guard let range = member.string else {
                throw JobError(
                    .jobInvalid,
                    "\(field): another value than a string came, a string was due.",
                    hint: "Send \(field) as a string, under a new id.",
                    field: field
                )
            }
            let secret = Secret(capacity: range.count) { output in
                JSON.decode(stringAt: range, in: plaintext) { output.append($0) }
            }
            try secret.withBytes { (bytes) throws(JobError) in try Credentials.checkHeaderValue(bytes, field: field) }
            return SecretReference(secret)
        }
        func required(_ name: String) throws(JobError) -> SecretReference {
            guard let value = try value(name) else {
                throw JobError(
                    .jobInvalid,
                    "data.credentials.\(name) is missing: a string was due.",
                    hint: "Send username and secret of the API user in the credentials, under a new id.",
                    field: "data.credentials.\(name)"
                )
            }
            return value
        }
        username = try required("username").withBytes { bytes in
            String(unsafeUninitializedCapacity: bytes.count) { output in
                for index in bytes.indices { output[index] = bytes[index] }
                return bytes.count
            }
        }
        secret = try required("secret")
        integrationCode = try value("integrationCode")
    }

    /// Each of them travels as the value of an HTTP header.
    private static func checkHeaderValue(_ bytes: Span<UInt8>, field: String) throws(JobError) {
        guard !bytes.isEmpty else { throw JobError(.jobInvalid, "A credential is empty.", field: field) }
        guard bytes.count <= maximumBytes else {
            throw JobError(.jobInvalid, "A credential is longer than \(maximumBytes) bytes.", field: field)
        }
        guard !bytes.indices.contains(where: { bytes[$0] == 0 || bytes[$0] == 0x0A || bytes[$0] == 0x0D }) else {
            throw JobError(.jobInvalid, "A credential contains a line break or a NUL, which cannot be sent.", field: field)
        }
    }

    /// What ``init(parsing:)`` reads.
    package var encoded: Secret {
        let parts: [(name: String, value: SecretReference?)] = [("secret", secret), ("integrationCode", integrationCode)]
        // No byte takes more than six to escape.
        let capacity = 64 + 6 * (username.utf8.count + parts.reduce(0) { $0 + ($1.value?.count ?? 0) })
        return Secret(capacity: capacity) { output in
            func append(_ bytes: some Sequence<UInt8>) { for byte in bytes { output.append(byte) } }
            append(#"{"username":""#.utf8)
            for byte in username.utf8 { JSON.escape(byte) { output.append($0) } }
            for (name, value) in parts {
                guard let value else { continue }
                append(#"",""#.utf8)
                append(name.utf8)
                append(#"":""#.utf8)
                value.withBytes { bytes in
                    for index in bytes.indices { JSON.escape(bytes[index]) { output.append($0) } }
                }
            }
            append(#""}"#.utf8)
        }
    }
}
