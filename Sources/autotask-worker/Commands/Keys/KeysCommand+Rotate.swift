import ArgumentParser
import Contract
import Engine
import SQLiteStore
import Store
import Vault

extension KeysCommand {
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes new active keys, and wraps the keys of all tenants' credentials anew, while workers run.",
            discussion: """
                Workers take the new keys over within seconds. Nobody's credentials are opened. If it is interrupted, '--resume' goes on where it
                stopped, and makes no more keys. The former keys go on opening what was sealed before, until 'keys retire' ends them: backups of
                the store can be read until then. It needs the store that the ring belongs to, and refuses (69) without it.

                Example: autotask-worker keys rotate --use credentials --use jobs
                """
        )
        @Option(name: .customLong("use"), help: "Which keys: credentials, jobs, portals. All by default.") var uses: [KeyRing.Use] = []
        @Flag(help: "Make no new keys; wrap what a former key still wraps.") var resume = false
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func validate() throws {
            guard !resume || uses.isEmpty else { throw ValidationError("With --resume no keys are made: leave --use out.") }
        }

        func run() async throws {
            Terminal.endsOnlyWhenDone()
            let settings = try await Configuration(settings)
            let chosen = resume ? [] : uses.isEmpty ? Set(KeyRing.Use.allCases) : Set(uses)
            let file = try settings.keyRingFile
            try await PairedStore.using(settings, remembers: true) { store, vault in
                if !resume {
                    do { try await file.update { $0.rotated(chosen, at: SystemTime.now) } } catch let error as VaultError {
                        throw Failure(.unavailable, error.message, hint: "No key was made.")
                    }
                    try await vault.refresh()
                }
                let made = try await settings.keyRing.entries.filter { $0.isActive && chosen.contains($0.use) }
                if !made.isEmpty { try await store.note(.rotated(to: made.map(\.id)), by: .caller, at: SystemTime.now) }
                if !json { for key in made { Terminal.line("\(key.id) is the active key for \(key.use.rawValue) now.") } }
                let outcome = try await KeyRewrapping(store: store, vault: vault).run()
                if outcome.rewrapped > 0 || !outcome.unopenable.isEmpty {
                    let act = OperatorAct.rewrapped(outcome.rewrapped, of: outcome.seen, unopenable: outcome.unopenable.count)
                    try await store.note(act, by: .caller, at: SystemTime.now)
                }
                try conclude(made, outcome)
            }
        }

        private func conclude(_ made: [KeyRing.Entry], _ outcome: KeyRewrapping.Outcome) throws {
            if json {
                Terminal.line([
                    "made": .array(made.map { ["keyId": .string($0.id), "use": .string($0.use.rawValue)] }),
                    "credentialsKeys": JSON(outcome.seen), "rewrapped": JSON(outcome.rewrapped),
                    "unopenable": .array(outcome.unopenable.map { .string("\($0)") }),
                ])
            } else {
                Terminal.line("\(outcome.rewrapped) of \(outcome.seen.of("credentials key")) were wrapped anew.")
                if made.contains(where: { $0.use == .portals }) {
                    Terminal.line("Tell portals the new public key: autotask-worker keys publish")
                }
            }
            guard outcome.unopenable.isEmpty else {
                throw Failure(
                    .no,
                    "The ring does not open the keys of \(outcome.unopenable.prefix(5).map { "\($0)" }.joined(separator: ", "))"
                        + (outcome.unopenable.count > 5 ? " and \(outcome.unopenable.count - 5) more." : "."),
                    hint: "Their tenants have to connect again, unless a copy of the ring still has the key."
                )
            }
        }
    }
}

extension KeyRing.Use: ExpressibleByArgument {}
