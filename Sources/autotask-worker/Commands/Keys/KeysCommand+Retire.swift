import ArgumentParser
import Contract
import SQLiteStore
import Store
import Vault

extension KeysCommand {
    struct Retire: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Destroys former keys, if nothing in the store is sealed under them.",
            discussion: """
                Data under a destroyed key is lost, which makes old backups of the store unreadable. A job with credentials that a portal sealed to
                a destroyed key ends with key_unknown, and the portal fetches the keys again. The command needs the store that the ring belongs
                to; without it, it ends with exit code 69.

                Example: autotask-worker keys retire wrap-2026-11-22-1f0c9a3e --dry-run
                """
        )
        @Argument(help: "Ids of keys, as 'list' shows them.", completion: OfferedNames.formerKeys) var ids: [String] = []
        @Flag(help: "All former keys that are not in use; those for portals once they have expired.") var unused = false
        @OptionGroup var confirmation: Confirmation
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard ids.isEmpty == unused else { throw ValidationError("Name the keys, or use --unused.") }
        }

        func result(_ settings: Configuration) async throws -> Outcome {
            let file = try settings.keyRingFile
            let chosen = try choice(from: try await settings.keyRing.entries)
            return try await PairedStore.using(settings) { store, _ in try await retire(chosen, from: file, store) }
        }

        private func retire(_ chosen: [KeyRing.Entry], from file: KeyRingFile, _ store: SQLiteStore) async throws -> Outcome {
            let uses = try await store.keyUses()
            let free = chosen.filter { uses[$0.id].map(\.isNone) ?? true }
            if !confirmation.dryRun, !free.isEmpty {
                try confirmation.ask(
                    "\(free.count.of("key")) will be destroyed (\(free.map(\.id).joined(separator: ", "))), and copies of the store that need \(free.count == 1 ? "it" : "them") can no longer be read."
                )
            }
            var retired: [String] = []
            var refused: [(id: String, use: KeyUse)] = []
            for entry in chosen {
                // The confirmation does not cover keys that became unused during the question.
                if let use = uses[entry.id], !use.isNone {
                    refused.append((entry.id, use))
                    continue
                }
                if let use = try await use(of: entry, store) {
                    refused.append((entry.id, use))
                    continue
                }
                retired.append(entry.id)
                guard !confirmation.dryRun else {
                    output.progress("\(entry.id) would be destroyed.")
                    continue
                }
                try await store.note(.retired(entry.id, use: entry.use.rawValue), by: .caller, at: SystemTime.now)
                // The store now refuses data that is sealed under it, so that none is lost with it.
                do { try await file.update { $0.retiring(entry.id) } } catch let error as VaultError {
                    throw Failure(.unavailable, error.message, hint: "Run the same command again.")
                }
                output.progress("\(entry.id) is destroyed.")
            }
            return outcome(retired, unused ? [] : refused)
        }

        private func outcome(_ retired: [String], _ refused: [(id: String, use: KeyUse)]) -> Outcome {
            let isDryRun = confirmation.dryRun
            var outcome = Outcome([
                "dryRun": isDryRun, "retired": isDryRun ? [String]() : retired, "wouldBeRetired": isDryRun ? retired : [String](),
                "inUse": refused.map(\.id),
            ])
            if retired.isEmpty, refused.isEmpty { outcome.lines = ["There is nothing to retire."] }
            if !refused.isEmpty {
                outcome.failure = Failure(
                    .no,
                    refused.map { "\($0.id) is in use: it seals \($0.use.amounts)." }.joined(separator: "\n"),
                    hint:
                        "To re-wrap keys of tenants: autotask-worker keys rotate --resume. Waiting requests end on their own. Redrive or purge dead letters."
                )
            }
            return outcome
        }

        private func choice(from entries: [KeyRing.Entry]) throws -> [KeyRing.Entry] {
            if unused {
                let now = SystemTime.now
                return entries.filter { !$0.isActive && $0.notAfter.map { $0 <= now } ?? true }
            }
            return try ids.map { id in
                guard let entry = entries.first(where: { $0.id == id }) else {
                    throw Failure(.usage, "The ring has no key \(id).", hint: "See autotask-worker keys list.")
                }
                guard !entry.isActive else {
                    throw Failure(
                        .usage,
                        "\(id) is the active key for \(entry.use.rawValue).",
                        hint: "First run autotask-worker keys rotate."
                    )
                }
                return entry
            }
        }

        /// - Returns: the data in the store that is sealed under a key; `nil` if there is none. Except in a dry run, none can be added.
        private func use(of entry: KeyRing.Entry, _ store: SQLiteStore) async throws -> KeyUse? {
            guard entry.use != .portals else { return nil }
            let use =
                confirmation.dryRun
                ? try await store.keyUses()[entry.id] ?? KeyUse() : try await store.retireKey(entry.id, at: SystemTime.now)
            return use.isNone ? nil : use
        }
    }
}
