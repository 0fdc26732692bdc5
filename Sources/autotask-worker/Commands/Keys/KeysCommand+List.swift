import ArgumentParser
import Contract
import Glibc
import SQLiteStore
import Store
import Vault

extension KeysCommand {
    struct List: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the keys of the ring, and what is still sealed under each. No key is shown.",
            discussion: "Example: autotask-worker keys list --json"
        )
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> KeyListing {
            let ring = try await settings.keyRing
            let path = try settings.storePath
            let uses = access(path, F_OK) == 0 ? try await PairedStore.using(settings) { store, _ in try await store.keyUses() } : nil
            return KeyListing(
                keys: ring.entries.map { entry in KeyLine(entry: entry, use: uses.map { $0[entry.id] ?? KeyUse() }) },
                store: ring.storeID,
                unseen: uses == nil ? "There is no store \(path): what is sealed under the keys is not known." : nil
            )
        }
    }

    /// The keys of the ring.
    struct KeyListing: TableOutput {
        fileprivate let keys: [KeyLine]
        /// The store to which the ring belongs.
        let store: String?
        /// Why it is not known what is sealed under the keys.
        let unseen: String?

        var table: Table { Table(columns: KeyLine.columns, rows: keys.map(\.row)) }
        var lines: [String] { table.lines(in: Terminal.layout) + (unseen.map { [$0] } ?? []) }
        var json: JSON { .members(["keys": documents, "store": store, "unseen": unseen]) }
        var documents: [JSON] { keys.map(\.json) }

        /// A ring that belongs to a store shows that there should be one.
        var failure: (any Error)? {
            guard let unseen, store != nil else { return nil }
            return Failure(.unavailable, unseen, hint: "Check STORE_URL, and whether its volume is mounted.")
        }
    }
}

/// A key as `keys list` shows it.
private struct KeyLine {
    let entry: KeyRing.Entry
    /// The data in the store that is sealed under it; `nil` without a store, and for a key that only portals seal to.
    let use: KeyUse?

    init(entry: KeyRing.Entry, use: KeyUse?) {
        self.entry = entry
        self.use = entry.use == .portals ? nil : use
    }

    static let columns: [Table.Column] = [
        .init("USE", "use"), .init("KEY", "keyId", .id), .init("STATE", nil), .init(nil, "active"), .init(nil, "createdAt", .time),
        .init("EXPIRES", "notAfter", .time), .init("SEALS", nil, .words), .init(nil, "credentials", .number),
        .init(nil, "jobs", .number), .init(nil, "deadLetters", .number),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .text(entry.use.rawValue), .text(entry.id, .bold),
            .text(entry.isActive ? "active" : "former", entry.isActive ? .success : .dim),
            .init(entry.isActive), .init(entry.createdAt), .init(entry.notAfter), .init(use.map { $0.isNone ? "nothing" : $0.amounts }),
            .init(use?.credentials), .init(use?.jobs), .init(use?.letters),
        ])
    }

    var json: JSON {
        let inUse = use.map { JSON.members(["credentials": $0.credentials, "jobs": $0.jobs, "deadLetters": $0.letters]) }
        return .members([
            "keyId": entry.id, "use": entry.use, "active": entry.isActive, "createdAt": entry.createdAt, "notAfter": entry.notAfter,
            "inUse": inUse,
        ])
    }
}

extension KeyUse {
    /// The data under the key; empty for none.
    var amounts: String {
        [(credentials, "credentials key"), (jobs, "waiting request"), (letters, "dead letter")]
            .filter { $0.0 > 0 }.map { $0.0.of($0.1) }.joined(separator: ", ")
    }
}
