import ArgumentParser
import Contract
import Secrets
import Vault

/// The parts of credentials on the command line, and the keys that seal them.
struct CredentialsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The API user's name.", valueName: "name")) var username: String?
    @Option(
        help: ArgumentHelp("A file with the API user's secret; - reads standard input.", valueName: "path"),
        completion: .file()
    )
    var secretFile: String?
    @Option(
        help: ArgumentHelp("A file with the tenant's own tracking identifier; - reads standard input.", valueName: "path"),
        completion: .file()
    )
    var integrationCodeFile: String?
    @Option(
        help: ArgumentHelp("A file with the output of 'keys publish'; - reads standard input.", valueName: "path"),
        completion: .file()
    )
    var portalKeys: String?

    var readsStandardInput: Bool { [secretFile, integrationCodeFile, portalKeys].contains("-") }

    func validate() throws {
        guard (username == nil) == (secretFile == nil) else {
            throw ValidationError(
                "--username and --secret-file go together: a secret on the command line would be visible to others."
            )
        }
        guard username != nil || (integrationCodeFile == nil && portalKeys == nil) else {
            throw ValidationError("--integration-code-file and --portal-keys need --username and --secret-file.")
        }
        guard [secretFile, integrationCodeFile, portalKeys].filter({ $0 == "-" }).count < 2 else {
            throw ValidationError("Only one option can read standard input.")
        }
    }

    /// The credentials' JSON text.
    ///
    /// - Returns: `nil` when no option names credentials.
    /// - Throws: ``Failure``, also for credentials that a worker would refuse once it has opened them.
    func plaintext() throws -> SecretReference? {
        guard let username, let secretFile else { return nil }
        let credentials = Credentials(
            username: username,
            secret: SecretReference(try InputFile(path: secretFile).secret()),
            integrationCode: try integrationCodeFile.map { SecretReference(try InputFile(path: $0).secret()) }
        )
        let plaintext = SecretReference(credentials.encoded)
        do throws(JobError) {
            _ = try plaintext.withBytes { (bytes) throws(JobError) in try Credentials(parsing: bytes) }
        } catch {
            throw Failure(.usage, error.message, hint: "A credential has 1 to 1024 bytes of UTF-8, and neither a line break nor a NUL.")
        }
        return plaintext
    }

    /// The member `credentials` of a connect. It is sealed to the first usable portal key; without portal keys, it is in the clear.
    func member(_ plaintext: SecretReference, for job: JobID, of lane: Lane) throws -> JSON {
        guard let portalKeys else {
            Terminal.complain(
                "Warning: without --portal-keys the secret goes through the broker in the clear. Only a worker with DEVELOPMENT=1 accepts that."
            )
            return try plaintext.withUnsafeBytes { try JSON(parsing: Array($0)) }
        }
        let document = try InputFile(path: portalKeys).object()
        do throws(VaultError) {
            let keys = try PublishedKeys(.object(document))
            return try keys.seal(plaintext, job: job, lane: lane, at: SystemTime.now).json
        } catch {
            throw Failure(.usage, "\(portalKeys) cannot be used. \(error.message)", hint: "See autotask-worker keys publish.")
        }
    }
}
