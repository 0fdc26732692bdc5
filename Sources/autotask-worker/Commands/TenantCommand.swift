import ArgumentParser
import Contract
import Store

/// `tenant …`: what the store knows of tenants.
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Shows what the store knows of tenants.",
        discussion: "Example: autotask-worker tenant show msp-4711",
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists all tenants.",
            discussion: "Example: autotask-worker tenant list --json"
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let store = try await OpenStore(Configuration(settings)).store
            let lanes = try await store.lanes()
            await store.close()
            if json {
                Terminal.line(JSON.array(lanes.map(\.json)))
            } else if lanes.isEmpty {
                Terminal.line("No tenant has sent a job yet.")
            } else {
                for lane in lanes {
                    Terminal.line(
                        "\(lane.lane)  \(lane.connectionText)  \(lane.syncedServices)/\(lane.services) services synced  \(lane.waitingJobs) jobs waiting"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one tenant: its connection, its services with their last errors, and its latest jobs.",
            discussion: "Example: autotask-worker tenant show msp-4711 --json"
        )
        @Argument(help: "The tenant.") var tenant: String
        @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name")) var product: String = Product.workplace.rawValue
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            guard let tenant = TenantID(tenant), let product = Product(rawValue: product) else {
                throw Failure(.usage, "That is no tenant, or no product.", hint: "Products are workplace and fileProtection.")
            }
            let store = try await OpenStore(Configuration(settings)).store
            let detail = try await store.lane(Lane(tenant: tenant, product: product))
            await store.close()
            guard let detail else {
                throw Failure(
                    .no,
                    "The store knows nothing of \(tenant) and \(product.rawValue).",
                    hint: "See autotask-worker tenant list."
                )
            }
            if json {
                Terminal.line(detail.json)
            } else {
                detail.lines.forEach(Terminal.line)
            }
        }
    }
}
