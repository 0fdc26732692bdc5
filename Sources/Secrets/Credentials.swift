package import Contract

/// The credentials of an API user in the clear: `{ "username", "secret", "integrationCode"? }` (`Sealing-credentials`, "Seal").
///
/// They have no description. Secrets are read from bytes directly into memory that is wiped when the last holder releases it. They are never a
/// `String`, which cannot be wiped.
package final class Credentials: Sendable {
    /// No header with one of these values needs to be longer, and servers do not accept much longer ones.
    private static let maximumBytes = 1024
    private static let form = "a string of 1 to \(maximumBytes) bytes in UTF-8 without CR, LF and NUL"

    package let username: String
    package let secret: SecretReference
    /// The tenant's own tracking identifier, if it has one.
    package let integrationCode: SecretReference?

    package init(username: String, secret: SecretReference, integrationCode: SecretReference?) {
        self.username = username
        self.secret = secret
        self.integrationCode = integrationCode
    }

    /// Reads the plaintext of credentials: the contents of a portal's sealed blob, and of the store's sealed form.
    ///
    /// - Throws: `job_invalid`, naming the member, the rule that it breaks and the JSON type of its value, but never the value.
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

    /// Checks a value that is sent in an HTTP header.
    private static func checkHeaderValue(_ bytes: Span<UInt8>, field: String) throws(JobError) {
        guard !bytes.isEmpty else { throw mistake(field, "an empty string") }
        guard bytes.count <= maximumBytes else { throw mistake(field, "a string of more than \(maximumBytes) bytes") }
        guard !bytes.indices.contains(where: { bytes[$0] == 0 || bytes[$0] == 0x0A || bytes[$0] == 0x0D }) else {
            throw mistake(field, "a string with a line break (CR or LF) or a NUL")
        }
    }

    /// - Parameter words: the type or form of the value, but no part of it.
    private static func mistake(_ field: String, _ words: String) -> JobError {
        JobError(
            .jobInvalid,
            "\(field): \(words) came, \(form) was due.",
            hint: "Send \(field) as \(form), under a new id.",
            field: field
        )
    }

    /// Makes the error for a plaintext that is not a JSON object. It omits the place of the mistake, which would reveal the length of secrets.
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

    /// The form that ``init(parsing:)`` reads.
    package var encoded: Secret {
        let parts: [(name: String, value: SecretReference?)] = [("secret", secret), ("integrationCode", integrationCode)]
        // An escaped byte takes at most six bytes.
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
