import Autotask
import Contract

@testable import Vault

/// What targets need of keys and credentials. Everything that knows how the worker reads these stands here.
enum Samples {
    static let recipientKeyID = "portal-1"

    /// Of fixed keys, so that an input is the same case in every run.
    static let vault: Vault = {
        do { return Vault(try KeyRing(parsing: keyRing)) } catch { preconditionFailure("\(error)") }
    }()

    static let keyRing = Array(
        """
        {"version":1,"wrappingKeys":{"active":"wrap-1","keys":[{"keyId":"wrap-1","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]},\
        "jobKeys":{"active":"job-1","keys":[{"keyId":"job-1","key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}]},\
        "identityKey":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","recipientKeys":[{"keyId":"portal-1","kem":"X25519",\
        "privateKey":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","notAfter":"2027-12-27T00:00:00.000Z"}]}
        """.utf8
    )

    static let plaintext = Array(#"{"username":"api@msp.example","secret":"Kanarie"}"#.utf8)

    /// ``plaintext`` as a portal sealed it, for `job-1` of `msp-1`.
    static let sealed: SealedCredentials = SealedSample.credentials

    static let payload = vault.sealPayload(plaintext, job: job, lane: lane)
    static let laneCredentials = vault.sealCredentials(plaintext, lane: lane)

    private static let lane: Lane = {
        guard let tenant = TenantID("msp-1") else { preconditionFailure("a tenant's id") }
        return Lane(tenant: tenant, product: .workplace)
    }()

    private static let job: JobID = {
        guard let job = JobID("job-1") else { preconditionFailure("a job's id") }
        return job
    }()

    /// Credentials whose every value is a canary.
    static func credentials() -> AutotaskCredentials {
        AutotaskCredentials(
            username: Canary.username.text,
            secret: Secret(copying: Canary.secret.value),
            integrationCode: Secret(copying: Canary.integrationCode.value)
        )
    }

    /// Holds the reading of a plaintext to its form: what is read fits a header, and what is not is not told.
    static func holdReading(ofPlaintext plaintext: [UInt8]) throws(PropertyViolation) {
        let credentials: ClearCredentials
        do { credentials = try ClearCredentials(parsing: plaintext) } catch {
            return try error.holdProperties(answering: nil)
        }
        let values = [Array(credentials.username.utf8), credentials.secret] + [credentials.integrationCode].compactMap { $0 }
        for value in values {
            try hold(!value.isEmpty && !value.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D }, "a credential fits a header")
        }
        try hold(vault.credentialsDigest(of: credentials).count == 32, "credentials have a digest")
    }
}
