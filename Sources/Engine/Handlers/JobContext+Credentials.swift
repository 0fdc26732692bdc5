import Autotask
import Contract
import Logging
import Store
import Telemetry
import Vault

/// Credentials on their way between a job, the vault and Autotask. In the clear they live no longer than an attempt.
extension JobContext {
    /// Opens the credentials of a connect.
    ///
    /// - Throws: `key_unknown` or `decryption_failed`, or `job_invalid` for a plaintext that holds no credentials.
    func open(_ member: CredentialsMember) throws(JobError) -> ClearCredentials {
        switch member {
        case .clear(let credentials): return credentials
        case .sealed(let sealed):
            let plaintext: [UInt8]
            do { plaintext = try vault.openSealed(sealed, job: job.id, lane: lane) } catch {
                throw JobError(error.code == .keyUnknown ? .keyUnknown : .decryptionFailed, field: "data.credentials")
            }
            return try ClearCredentials(parsing: plaintext)
        }
    }

    /// Seals credentials for the store, under the lane's own key.
    func seal(_ credentials: ClearCredentials) -> SealedLaneCredentials {
        vault.sealCredentials(credentials.json.encoded, lane: lane, under: state.connection?.wrappedKey)
    }

    /// Opens the credentials of a connection.
    ///
    /// - Throws: `internal`: they were sealed here, so the key ring is another one, or the row was tampered with.
    func storedCredentials(of connection: ConnectionRecord) throws(JobError) -> AutotaskCredentials {
        let plaintext: [UInt8]
        do {
            plaintext = try vault.openCredentials(connection.sealedCredentials, wrappedKey: connection.wrappedKey, lane: lane)
        } catch {
            log(.error, "Stored credentials cannot be opened", .keys([.error: "\(error)"]))
            throw JobError(
                .internal,
                "The stored credentials cannot be opened.",
                hint: "Check that the worker runs with the key ring of its store, or connect again."
            )
        }
        return autotaskCredentials(try ClearCredentials(parsing: plaintext))
    }
}

extension ClearCredentials {
    /// What ``init(parsing:)`` reads.
    fileprivate var json: JSON {
        var object: JSONObject = ["username": .string(username), "secret": .string(String(decoding: secret, as: UTF8.self))]
        if let integrationCode { object["integrationCode"] = .string(String(decoding: integrationCode, as: UTF8.self)) }
        return .object(object)
    }
}
