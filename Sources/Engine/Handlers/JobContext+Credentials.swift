import Autotask
import Contract
import Logging
import Secrets
import Store
import Telemetry
import Vault

/// Credentials between a job, the vault and Autotask. Plaintext exists no longer than an attempt.
extension JobContext {
    /// Opens the credentials of a connect.
    ///
    /// - Throws: `key_unknown` or `decryption_failed`, or `job_invalid` for a plaintext that holds no credentials.
    func open(_ member: CredentialsMember) async throws(JobError) -> Credentials {
        switch member {
        case .clear(let text): return try Credentials(parsing: text.span)
        case .sealed(let sealed):
            // The ring is read first: a key that was just retired must open nothing, and a new key must be known.
            await engine.refreshKeys()
            let plaintext: SecretReference
            do { plaintext = SecretReference(try vault.openSealed(sealed, job: job.id, lane: lane)) } catch {
                // The log holds nothing of the blob itself. Why it does not open is not known here either.
                log(
                    .warning,
                    "Sealed credentials do not open",
                    .keys([.code: "\(error.code.rawValue)", .keyID: "\(ForeignText(sealed.keyID))"])
                )
                throw JobError(error.code == .keyUnknown ? .keyUnknown : .decryptionFailed, field: "data.credentials")
            }
            return try plaintext.withBytes { (bytes) throws(JobError) in try Credentials(parsing: bytes) }
        }
    }

    /// Seals credentials for the store, under the lane's own key.
    func seal(_ credentials: Credentials) -> SealedLaneCredentials {
        vault.sealCredentials(credentials, lane: lane, under: state.connection?.wrappedKey)
    }

    /// Opens the credentials of a connection.
    ///
    /// - Throws: `internal`. The worker sealed them, so the key ring is a different one, or the row was tampered with.
    func storedCredentials(of connection: ConnectionRecord) throws(JobError) -> AutotaskCredentials {
        let plaintext: SecretReference
        do {
            plaintext = SecretReference(
                try vault.openCredentials(connection.sealedCredentials, wrappedKey: connection.wrappedKey, lane: lane)
            )
        } catch {
            log(.error, "Stored credentials cannot be opened", .keys([.error: "\(error)"]))
            throw JobError(
                .internal,
                hint:
                    "The stored credentials cannot be opened. Check that the worker runs with the key ring of its store, or connect again."
            ).referring(to: job.id)
        }
        return autotaskCredentials(try plaintext.withBytes { (bytes) throws(JobError) in try Credentials(parsing: bytes) })
    }
}
