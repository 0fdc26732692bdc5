package import Contract

/// What an API user proves itself with, in the clear: `{ "username", "secret", "integrationCode"? }` (`Sealing-credentials`, "Seal").
///
/// It has no description. Its secrets are read from bytes straight into memory that is wiped when the last holder lets go: they never are a
/// `String`, which nobody could wipe.
package final class Credentials: Sendable {
    /// No header that carries one of them has to be longer, and no server takes much longer ones.
    private static let maximumBytes = 1024
    private static let form = "a string of 1 to \(maximumBytes) bytes in UTF-8 without CR, LF and NUL"

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
    /// - Throws: `job_invalid`, naming the member and the rule that it breaks. Of its value, only its JSON type is named.
    package init(parsing plaintext: Span<UInt8>) throws(JobError) {
        let members: [ScannedJSONMember]
        do { members = try JSON.scan(objectText: plaintext) } catch {
            throw Credentials.mistake(in: plaintext, error)
        }
        func value(_ name: String) throws(JobError) -> SecretReference? {
            guard let member = members.first(where: { $0.name == name }), !member.isNull else { return nil }
            let field = "data.credentials.\(name)"
            guard let range = member.string else {
                throw Credentials.mistake(field, member.typeInWords)
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
        guard !bytes.isEmpty else { throw mistake(field, "an empty string") }
        guard bytes.count <= maximumBytes else { throw mistake(field, "a string of more than \(maximumBytes) bytes") }
        guard !bytes.indices.contains(where: { bytes[$0] == 0 || bytes[$0] == 0x0A || bytes[$0] == 0x0D }) else {
            throw mistake(field, "a string with a line break (CR or LF) or a NUL")
        }
    }

    /// - Parameter words: what came, and nothing of its value.
    private static func mistake(_ field: String, _ words: String) -> JobError {
        JobError(
            .jobInvalid,
            "\(field): \(words) came, \(form) was due.",
            hint: "Send \(field) as \(form), under a new id.",
            field: field
        )
    }

    /// What is wrong with a plaintext that is no JSON object. The place of the mistake is left out: it shows how long the secrets are.
    private static func mistake(in plaintext: Span<UInt8>, _ error: JSONError) -> JobError {
        let due = "a JSON object with username and secret"
        let type = JSON.typeInWords(ofText: plaintext)
        let message =
            switch type {
            case "an object": "data.credentials: what was sealed is not valid JSON (\(error.reason)), \(due) was due."
            case let type?: "data.credentials: \(type) was sealed, \(due) was due."
            case nil: "data.credentials: what was sealed is no JSON, \(due) was due."
            }
        return JobError(
            .jobInvalid,
            message,
            hint: "Seal the JSON text of an object with username and secret, and send the connect under a new id.",
            field: "data.credentials"
        )
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
