import ArgumentParser
import Contract
import Store
import Vault

extension KeysCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the keys of the ring, and what is still sealed under each. No key is shown.",
            discussion: "Example: autotask-worker keys list --json"
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let settings = try await Settings(settings)
            let ring = try await settings.keyRing
            let uses = try await OpenStore.using(settings) { store in try await store.keyUses() }
            let lines = ring.entries.map { entry in KeyLine(entry: entry, use: uses.map { $0[entry.id] ?? KeyUse() }) }
            if json { return Terminal.line(["keys": .array(lines.map(\.json))]) }
            for line in lines { Terminal.line(line.text) }
            if uses == nil { Terminal.line("There is no store yet: nothing is sealed under any of them.") }
        }
    }
}

/// A key as `keys list` shows it.
private struct KeyLine {
    let entry: KeyRing.Entry
    /// What of the store is sealed under it; `nil` without a store, and for a key that only portals seal to.
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
        [
            "keyId": .string(entry.id), "use": .string(entry.use.rawValue), "active": .bool(entry.isActive),
            "createdAt": entry.createdAt.map { .string($0.description) } ?? .null,
            "notAfter": entry.notAfter.map { .string($0.description) } ?? .null,
            "inUse": use.map { ["credentials": JSON($0.credentials), "jobs": JSON($0.jobs), "deadLetters": JSON($0.letters)] } ?? .null,
        ]
    }
}

extension KeyUse {
    /// What is sealed under the key, in words.
    var text: String {
        let parts = [
            (credentials, credentials.of("credentials key")), (jobs, jobs.of("waiting request")),
            (letters, letters.of("dead letter")),
        ].filter { $0.0 > 0 }.map(\.1)
        return parts.isEmpty ? "nothing is sealed under it" : "seals " + parts.joined(separator: ", ")
    }
}
