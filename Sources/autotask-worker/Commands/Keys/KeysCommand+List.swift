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

        func result(_ settings: Configuration) async throws -> Outcome {
            let ring = try await settings.keyRing
            let path = try settings.storePath
            let uses = access(path, F_OK) == 0 ? try await PairedStore.using(settings) { store, _ in try await store.keyUses() } : nil
            let lines = ring.entries.map { entry in KeyLine(entry: entry, use: uses.map { $0[entry.id] ?? KeyUse() }) }
            let unseen = uses == nil ? "There is no store \(path): what is sealed under the keys is not known." : nil
            var outcome = Outcome(["keys": lines.map(\.json), "store": ring.storeID, "unseen": unseen])
            outcome.lines = lines.map(\.text) + (unseen.map { [$0] } ?? [])
            // A ring that belongs to a store shows that there should be one.
            if let unseen, ring.storeID != nil {
                outcome.failure = Failure(.unavailable, unseen, hint: "Check STORE_URL, and whether its volume is mounted.")
            }
            return outcome
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

    var text: String {
        var parts = [entry.use.rawValue, entry.id, entry.isActive ? "active" : "opens only"]
        if let moment = entry.createdAt { parts.append("made \(moment)") }
        if let moment = entry.notAfter { parts.append("portals use it until \(moment)") }
        if let use { parts.append(use.text) }
        return parts.joined(separator: "  ")
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
    /// A description of the data under the key.
    var text: String {
        let parts = [
            (credentials, credentials.of("credentials key")), (jobs, jobs.of("waiting request")),
            (letters, letters.of("dead letter")),
        ].filter { $0.0 > 0 }.map(\.1)
        return parts.isEmpty ? "nothing is sealed under it" : "seals " + parts.joined(separator: ", ")
    }
}
