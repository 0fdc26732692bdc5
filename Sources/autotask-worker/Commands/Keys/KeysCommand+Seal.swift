import ArgumentParser
import Contract

extension KeysCommand {
    struct Seal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seals credentials as a portal does, and prints a connect's member 'credentials'. Needs no key ring and no broker.",
            discussion: """
                For developers of portals, to compare with their own. The result opens only for the job, tenant and product that are named.

                Example: autotask-worker keys seal --tenant msp-4711 --id 0193b0a2 --username api@msp.example --secret-file secret.txt \
                --portal-keys keys.json
                """
        )
        @Option(help: ArgumentHelp("The tenant.", valueName: "id"), completion: OfferedNames.tenants) var tenant: String
        @Option(help: ArgumentHelp("The id of the job.", valueName: "id")) var id: String
        @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name"), completion: OfferedNames.products) var product:
            String?
        @OptionGroup var credentials: CredentialsOptions

        func validate() throws {
            guard credentials.portalKeys != nil else { throw ValidationError("--username, --secret-file and --portal-keys are required.") }
        }

        func run() async throws {
            let lane = Lane(tenant: try TenantID(argument: tenant), product: try Product(argument: product))
            let job = try JobID(argument: id)
            guard let plaintext = try credentials.plaintext() else { return }
            Terminal.line(try credentials.member(plaintext, for: job, of: lane))
        }
    }
}
