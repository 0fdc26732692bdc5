import ArgumentParser
import Contract
import Store

/// `tenant …`: what the store knows about tenants.
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Shows what the store knows about tenants.",
        discussion: "Example: autotask-worker tenant show msp-4711",
        subcommands: [List.self, Show.self]
    )

    struct List: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists all tenants.",
            discussion: "Example: autotask-worker tenant list --json"
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Listing<LaneOverview> {
            let lanes = try await OpenStore.using(settings) { try await $0.lanes() }
            return Listing(elements: lanes, whenEmpty: "No tenant has sent a job yet.")
        }
    }

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one tenant: its connection, its services with their last errors, and its latest jobs.",
            discussion: "Example: autotask-worker tenant show msp-4711 --json"
        )
        @Argument(help: "The tenant.") var tenant: String
        @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name")) var product: String = Product.workplace.rawValue
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> LaneDetail {
            guard let tenant = TenantID(tenant), let product = Product(rawValue: product) else {
                throw Failure(.usage, "The tenant or the product is invalid.", hint: "Products are workplace and fileProtection.")
            }
            guard let detail = try await OpenStore.using(settings, { try await $0.lane(Lane(tenant: tenant, product: product)) }) else {
                throw Failure(
                    .no,
                    "The store knows nothing about \(tenant) and \(product.rawValue).",
                    hint: "See autotask-worker tenant list."
                )
            }
            return detail
        }
    }
}
