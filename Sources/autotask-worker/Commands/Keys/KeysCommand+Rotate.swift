import ArgumentParser
import Contract
import Engine
import SQLiteStore
import Store
import Vault

extension KeysCommand {
    struct Rotate: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes new active keys, and re-wraps the keys of all tenants' credentials, while workers run.",
            discussion: """
                Workers use the new keys within seconds. No credentials are opened. After an interruption, '--resume' continues where the command
                stopped, and makes no more keys. Former keys open older data until 'keys retire' destroys them: until then, backups of the store
                can be read. The command needs the store that the ring belongs to; without it, it ends with exit code 69.

                Example: autotask-worker keys rotate --use credentials --use jobs
                """
        )
        @Option(name: .customLong("use"), help: "Which keys: credentials, jobs, portals. All by default.") var uses: [KeyRing.Use] = []
        @Flag(help: "Make no new keys; re-wrap what a former key still wraps.") var resume = false
        @OptionGroup var progress: ProgressOptions
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard !resume || uses.isEmpty else { throw ValidationError("--resume makes no keys: leave --use out.") }
        }

        func result(_ settings: Configuration) async throws -> Outcome {
            let chosen = resume ? [] : uses.isEmpty ? Set(KeyRing.Use.allCases) : Set(uses)
            let file = try settings.keyRingFile
            return try await PairedStore.using(settings, remembers: true) { store, vault in
                if !resume {
                    do { try await file.update { $0.rotated(chosen, at: SystemTime.now) } } catch let error as VaultError {
                        throw Failure(.unavailable, error.message, hint: "No key was made.")
                    }
                    try await vault.refresh()
                }
                let made = try await settings.keyRing.entries.filter { $0.isActive && chosen.contains($0.use) }
                if !made.isEmpty { try await store.note(.rotated(to: made.map(\.id)), by: .caller, at: SystemTime.now) }
                for key in made { output.progress("\(key.id) is the active key for \(key.use.rawValue) now.") }
                let count = try await store.keyUses().values.reduce(0) { $0 + $1.credentials }
                let progress = progress.progress("credentials keys", of: count)
                let outcome = try await KeyRewrapping(store: store, vault: vault).run { progress.update($0.seen) }
                progress.clear()
                if outcome.rewrapped > 0 || !outcome.unopenable.isEmpty {
                    let act = OperatorAct.rewrapped(outcome.rewrapped, of: outcome.seen, unopenable: outcome.unopenable.count)
                    try await store.note(act, by: .caller, at: SystemTime.now)
                }
                return result(made, outcome)
            }
        }

        private func result(_ made: [KeyRing.Entry], _ outcome: KeyRewrapping.Outcome) -> Outcome {
            let unopenable = outcome.unopenable.map { "\($0)" }
            var result = Outcome(
                [
                    "made": made.map { JSON.members(["keyId": $0.id, "use": $0.use]) }, "credentialsKeys": outcome.seen,
                    "rewrapped": outcome.rewrapped, "unopenable": unopenable,
                ],
                "\(outcome.rewrapped) of \(outcome.seen.of("credentials key")) were re-wrapped."
            )
            if made.contains(where: { $0.use == .portals }) {
                result.lines.append("Give portals the new public key: autotask-worker keys publish")
            }
            if !unopenable.isEmpty {
                result.failure = Failure(
                    .no,
                    "The ring does not open the keys of \(unopenable.prefix(5).joined(separator: ", "))"
                        + (unopenable.count > 5 ? " and \(unopenable.count - 5) more." : "."),
                    hint: "Their tenants have to connect again, unless a copy of the ring still has the key."
                )
            }
            return result
        }
    }
}

extension KeyRing.Use: ExpressibleByArgument {}
