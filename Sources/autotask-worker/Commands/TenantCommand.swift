import ArgumentParser
import Contract
import Engine
import Store

/// `tenant …`: what the store knows about tenants.
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Shows what the store knows about tenants.",
        discussion: "Example: autotask-worker tenant show msp-4711",
        subcommands: [List.self, Show.self]
    )

    struct List: StreamedCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists tenants, or those with a selection.",
            discussion: """
                Tenants are listed in the order of their ids, with a line for each product.

                Example: autotask-worker tenant list --search acme --connection credentialsRejected
                """
        )
        static let whenEmpty = "No tenant matches."

        @OptionGroup(title: "Selection") var filter: TenantFilter
        @Option(help: ArgumentHelp("Show at most this many lines; all by default.", valueName: "count")) var limit: Int?
        @Option(help: ArgumentHelp("Begin after this tenant, or after this line.", valueName: "tenant[/product]")) var after: String?
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func pages(_ settings: Configuration, _ show: ([LaneOverview]) -> Void) async throws -> Rest? {
            let (selection, page) = (try filter.selection, 500)
            var last = try after.map { try Lane(after: $0) }
            guard var rest = limit else {
                try await OpenStore.using(settings) { try await $0.forEachPage(of: selection, after: last, show) }
                return nil
            }
            guard rest > 0 else { throw Failure(.usage, "The limit is not a positive number.") }
            try await OpenStore.using(settings) { store in
                repeat {
                    let found = try await store.lanes(selection, after: last, limit: min(rest, page))
                    show(found.lanes)
                    rest -= found.lanes.count
                    last = found.next
                } while last != nil && rest > 0
            }
            return last.map { Rest("There are more. To list them, add --after \($0)") }
        }
    }

    struct Show: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one tenant: its connection, its services with their last errors, why its jobs wait, and its latest jobs.",
            discussion: "Example: autotask-worker tenant show msp-4711 --json"
        )
        @Argument(help: "The tenant.", completion: OfferedNames.tenants) var tenant: String
        @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name"), completion: OfferedNames.products)
        var product: String = Product.workplace.rawValue
        @OptionGroup var watch: WatchOptions
        static let isLong = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> LaneReport {
            guard let tenant = TenantID(tenant), let product = Product(rawValue: product) else {
                throw Failure(.usage, "The tenant or the product is invalid.", hint: "Products are workplace and fileProtection.")
            }
            let (lane, now) = (Lane(tenant: tenant, product: product), SystemTime.now)
            let found = try await OpenStore.using(settings) { store in
                (try await store.lane(lane), try await store.situation(of: lane, at: now))
            }
            guard let detail = found.0 else {
                throw Failure(
                    .no,
                    "The store knows nothing about \(tenant) and \(product.rawValue).",
                    hint: "See autotask-worker tenant list."
                )
            }
            return LaneReport(detail: detail, reasons: found.1?.reasons(of: detail.unfinished, at: now) ?? [:])
        }
    }
}

/// The selection of tenants.
struct TenantFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only tenants whose id has this in it.", valueName: "text")) var search: String?
    @Option(
        help: ArgumentHelp("Only with this connection: connected, credentialsRejected, databaseMismatch or none.", valueName: "status")
    ) var connection: String?
    @Option(help: ArgumentHelp("Only those whose latest ended job has this error.", valueName: "code")) var code: String?

    var selection: LaneSelection {
        get throws {
            LaneSelection(search: search, connection: try connection.map(known), lastCode: try code.map { try ErrorCode(argument: $0) })
        }
    }

    private func known(_ text: String) throws -> LaneSelection.Connection {
        if text == "none" { return .missing }
        guard let status = ConnectionRecord.Status(rawValue: text) else {
            throw Failure(
                .usage,
                "\(text) is not the status of a connection.",
                hint: "Choose connected, credentialsRejected, databaseMismatch or none."
            )
        }
        return .status(status)
    }
}

extension Lane {
    /// - Parameter argument: `tenant/product`, or a tenant, for the last of its lanes.
    fileprivate init(after argument: String) throws {
        let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let last = Product.allCases.max { $0.rawValue < $1.rawValue } ?? .workplace
        self.init(tenant: try TenantID(argument: parts[0]), product: parts.count == 2 ? try Product(argument: parts[1]) : last)
    }
}
