import Autotask
import Contract
import Secrets

@testable import Vault

/// Keys and credentials for targets. All knowledge of how the worker reads them is here.
enum Samples {
    static let recipientKeyID = "portal-1"

    /// The keys are fixed, so that an input is the same case in every run.
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

    static let payload = vault.sealPayload(plaintext[...], job: job, lane: lane)
    static let laneCredentials: SealedLaneCredentials = {
        guard let credentials = try? Credentials(parsing: plaintext.span) else { preconditionFailure("credentials") }
        return vault.sealCredentials(credentials, lane: lane)
    }()

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
        func held(_ bytes: [UInt8]) -> SecretReference { SecretReference(copying: bytes.span) }
        return AutotaskCredentials(
            Credentials(
                username: Canary.username.text,
                secret: held(Canary.secret.value),
                integrationCode: held(Canary.integrationCode.value)
            ),
            vendorCode: held([])
        )
    }

    /// Checks the reading of a plaintext: accepted values fit a header, and errors reveal nothing.
    static func holdReading(ofPlaintext plaintext: [UInt8]) throws(PropertyViolation) {
        let credentials: Credentials
        do { credentials = try Credentials(parsing: plaintext.span) } catch {
            return try error.holdProperties(answering: nil)
        }
        func bytes(_ secret: SecretReference) -> [UInt8] { secret.withUnsafeBytes { Array($0) } }
        let values =
            [Array(credentials.username.utf8), bytes(credentials.secret)] + (credentials.integrationCode.map { [bytes($0)] } ?? [])
        for value in values {
            try hold(!value.isEmpty && !value.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D }, "a credential fits a header")
        }
        try hold(vault.credentialsDigest(of: credentials).count == 32, "credentials have a digest")
        // Values read from bytes match those of any JSON parser.
        if let json = try? JSON(parsing: plaintext) {
            try hold(json["secret"]?.string.map { Array($0.utf8) } == values[1], "a secret is read as JSON has it")
        }
        let encoded = credentials.encoded.withUnsafeBytes { Array($0) }
        let again = try hold(try? Credentials(parsing: encoded.span), "credentials are read back")
        try hold(bytes(again.secret) == values[1] && again.username == credentials.username, "credentials are the same when read back")
    }
}
