import ArgumentParser
import Contract
import Store
import Vault

extension AuditCommand {
    struct List: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the newest rows.",
            discussion: """
                Names and prices are shown if the key ring opens them. A reset of the tenant erases them. The command looks at a limited number \
                of rows, says how far it looked, and prints the option with which to look further.

                Example: autotask-worker audit list --tenant msp-4711 --since 2026-11-01T00:00:00Z --json
                """
        )
        @OptionGroup(title: "Selection") var filter: AuditFilter
        @Option(help: ArgumentHelp("Show at most this many rows.", valueName: "count")) var limit = 50
        @Option(help: ArgumentHelp("Go on before the row of this number.", valueName: "number")) var before: Int64?
        @Option(help: ArgumentHelp("Look at this many rows at most.", valueName: "count")) var look = AuditFinding.reach
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Listing<AuditListing> {
            let selection = try filter.selection
            guard limit > 0, look > 0, before ?? 1 > 0 else { throw Failure(.usage, "The limit is not a positive number.") }
            return try await OpenStore.using(settings) { store in
                let finding = try await store.auditRows(selection, before: before, newest: limit, looking: look)
                // Without a ring, sealed data stays sealed, and the rest can be read.
                var reader = await AuditReader(store: store, settings)
                var entries: [AuditListing] = []
                for row in finding.rows { entries.append(AuditListing(audited: row, details: try await reader.details(of: row))) }
                let rest = finding.next.map { Rest(looked: finding.looked, "row", backTo: finding.backTo, next: "\($0)") }
                if let rest, finding.rows.count < limit { output.warn(rest) }
                return Listing(elements: entries, whenEmpty: "No rows match.", rest: rest)
            }
        }
    }
}

/// Opens sealed data in rows, and each lane's key once.
private struct AuditReader {
    let store: any LaneRecords
    /// The vault that opens keys, or why there is none.
    private let vault: Result<Vault, Failure>
    private var keys: [Lane: Key] = [:]

    /// The present state of a lane's key.
    private enum Key {
        case open(AuditSeal)
        /// The lane has none: it was never connected since its last reset.
        case destroyed
        /// There is one that cannot be opened, for this reason.
        case unavailable(String)
    }

    init(store: any LaneRecords, _ settings: Configuration) async {
        self.store = store
        do {
            let vault = try await settings.vault
            try await PairedStore.checkReading(settings)
            self.vault = .success(vault)
        } catch {
            self.vault = .failure(error as? Failure ?? Failure(.unavailable, "\(error)"))
        }
    }

    mutating func details(of row: AuditRow) async throws -> AuditListing.Details {
        guard let sealed = row.entry.sealed else { return .none }
        guard let tenant = row.entry.tenant.flatMap({ TenantID($0) }), let product = row.entry.product.flatMap(Product.init(rawValue:)),
            let job = row.entry.jobID.flatMap({ JobID($0) })
        else { return .sealed("The row does not name their tenant, product and job.") }
        switch try await key(of: Lane(tenant: tenant, product: product)) {
        case .destroyed: return .erased
        case .unavailable(let reason): return .sealed(reason)
        case .open(let seal):
            // Data under another key than the lane's present one is erased: a reset has destroyed that key.
            guard let bytes = try? seal.open(sealed, of: job), let json = try? JSON(parsing: bytes) else { return .erased }
            return .open(json)
        }
    }

    private mutating func key(of lane: Lane) async throws -> Key {
        if let key = keys[lane] { return key }
        let key: Key
        if let connection = try await store.lane(lane)?.state.connection {
            switch vault {
            case .failure(let failure): key = .unavailable(failure.message)
            case .success(let vault):
                let seal = try? vault.auditSeal(of: lane, wrappedKey: connection.wrappedKey)
                key = seal.map { .open($0) } ?? .unavailable("This key ring does not open the key of \(lane).")
            }
        } else {
            key = .destroyed
        }
        keys[lane] = key
        return key
    }
}
