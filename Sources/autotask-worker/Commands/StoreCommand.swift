import ArgumentParser
import Contract
import Engine
import Glibc
import SQLiteStore
import Store
import Vault

/// `store …`: backups of the store.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Backs up and restores the store.",
        discussion: """
            A copy holds everything except the key ring. Keep the two apart: with both, tenants' credentials can be read.

            Example: autotask-worker store backup /var/backups/autotask-worker-2026-11-22.sqlite
            """,
        subcommands: [Backup.self, Restore.self]
    )

    struct Backup: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a copy of the store to a file, while workers continue.",
            discussion: """
                The event of a reset waits for the copy, for a minute at most. Then the copy gives way and begins again. The audit log gets a row for
                the copy if the key ring can be used. No worker runs on a copy: 'store restore' makes it the store again.

                Example: autotask-worker store backup /var/backups/autotask-worker-2026-11-22.sqlite
                """
        )
        @Argument(help: "The file to write; must not exist.", completion: .file()) var file: String
        @OptionGroup var progress: ProgressOptions
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let path = try settings.storePath
            guard file != "-" else {
                throw Failure(.usage, "A copy is written to a file, not to standard output.", hint: "Name a file that does not exist.")
            }
            let contents: StoreBackup.Contents
            let progress = progress.progress("MiB")
            defer { progress.clear() }
            do {
                contents = try await StoreBackup.make(of: path, to: file, at: SystemTime.now) { progress.update($0, of: $1) }
            } catch {
                let hint = error.code == .corrupt ? "Check STORE_URL." : nil
                throw Failure(.unavailable, "No copy was made. \(error.message)", hint: hint)
            }
            await note(contents, settings)
            return Outcome(
                ["file": file, "integrations": contents.lanes, "unfinishedJobs": contents.unfinishedJobs],
                "Wrote \(file): \(contents.text)."
            )
        }

        /// Writes the copy's audit row. An unusable key ring does not prevent the copy.
        private func note(_ contents: StoreBackup.Contents, _ settings: Configuration) async {
            let act = OperatorAct.backedUp(to: file, lanes: contents.lanes, unfinishedJobs: contents.unfinishedJobs)
            do {
                try await PairedStore.using(settings) { store, _ in try await store.note(act, by: .caller, at: SystemTime.now) }
            } catch {
                Terminal.complain("Warning: the audit log has no row for this copy. \((error as? Failure)?.message ?? "\(error)")")
            }
        }
    }

    struct Restore: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replaces the store with a copy, while no worker runs.",
            discussion: """
                The previous store is kept beside it. Events of a restored store belong to a new epoch. Jobs that were unfinished when the copy
                was made end as superseded, except resets. All that happened since is forgotten: publish later resets again
                ('autotask-worker events --replay' shows those of the last 7 days), and connects with new passwords. Each integration's first sync waits SETTLE_SECONDS. The audit log continues from the copy's, with a row for the restore.

                The command asks first on a terminal, and needs --yes without one. The copy must belong to the key ring.

                Example: autotask-worker store restore /var/backups/autotask-worker-2026-11-22.sqlite --dry-run
                """
        )
        @Argument(help: "A file that 'store backup' wrote.", completion: .file()) var file: String
        @OptionGroup var confirmation: Confirmation
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let path = try settings.storePath
            let ring = try await settings.keyRing
            let chain = AuditChain(try await settings.vault)
            let copy = try await contents(of: file, ring, settings)
            do { try await StoreBackup.checkPlace(path) } catch {
                throw Failure(.unavailable, "The store was not restored. \(error.message)", hint: "Check STORE_URL.")
            }
            guard !isOneFile(file, path) else {
                throw Failure(.unavailable, "\(file) is the store itself.", hint: "Name a file that 'store backup' wrote.")
            }
            try await checkOwner(of: path, ring, settings)
            let unseen = access(path, F_OK) == 0 ? "is replaced: what it holds cannot be read" : "is created"
            let present = try? await StoreBackup.contents(of: path)
            let there = present.flatMap { $0 }.map { "is replaced: it holds \($0.text)" } ?? unseen
            let consequence =
                "The copy \(file) holds \(copy.text). The store \(path) \(there). What happened since the copy is forgotten."
            guard !confirmation.dryRun else {
                return Outcome(
                    [
                        "dryRun": true, "store": path, "replaced": JSON.null, "integrations": copy.lanes,
                        "unfinishedJobs": copy.unfinishedJobs,
                    ],
                    "Nothing was changed. \(consequence)"
                )
            }
            let settleTime = try settings.settleSeconds.components.seconds
            try confirmation.ask(consequence)
            let (contents, replaced): (StoreBackup.Contents, String?)
            do {
                (contents, replaced) = try await StoreBackup.restore(
                    file,
                    to: path,
                    auditing: chain,
                    by: .caller,
                    at: SystemTime.now
                )
            } catch {
                throw Failure(.unavailable, "The store was not restored. \(error.message)")
            }
            var outcome = Outcome(
                ["store": path, "replaced": replaced, "integrations": contents.lanes, "unfinishedJobs": contents.unfinishedJobs],
                "Restored \(path) from \(file): \(contents.text)."
            )
            if let replaced {
                outcome.lines += [
                    "The previous store is \(replaced) now.", "Delete it once it is not needed: it holds data that was erased since.",
                ]
            }
            outcome.lines += [
                "Publish again what happened since the copy was made, resets first (autotask-worker events --replay).",
                "Each integration's first sync waits \(settleTime) s (SETTLE_SECONDS), since there may be writes that the copy does not know.",
            ]
            return outcome
        }

        /// Refuses to replace the store of another installation. A store that cannot be read has no known owner.
        private func checkOwner(of path: String, _ ring: KeyRing, _ settings: Configuration) async throws {
            guard let owner = ((try? await StoreIdentity.look(at: path)) ?? nil)?.ring, owner != ring.id else { return }
            throw Failure(
                .unavailable,
                "The store was not restored. The store \(path) belongs to the key ring \(owner), but \(try settings.keyRingSource) is the key ring \(ring.id).",
                hint: "Check STORE_URL and VAULT_KEYS. To replace it anyway, move it away first."
            )
        }

        /// Whether two paths lead to one file.
        private func isOneFile(_ first: String, _ second: String) -> Bool {
            var (one, other) = (stat(), stat())
            return stat(first, &one) == 0 && stat(second, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino
        }

        /// The contents of the copy, after the check that copy and ring belong together as far as they remember each other.
        private func contents(of file: String, _ ring: KeyRing, _ settings: Configuration) async throws -> StoreBackup.Contents {
            do {
                guard let contents = try await StoreBackup.contents(of: file), var identity = try await StoreIdentity.look(at: file) else {
                    throw Failure(.unavailable, "There is no file \(file).")
                }
                identity.isCopy = false
                let source = try settings.keyRingSource.description
                if let mismatch = PairedStore.mismatch(identity, ring, path: file, source: source) { throw mismatch }
                return contents
            } catch let error as StoreError {
                throw Failure(
                    .unavailable,
                    "The store was not restored. \(error.message)",
                    hint: error.code == .newerSchema ? nil : "Name a whole file that 'store backup' wrote."
                )
            }
        }
    }
}

extension StoreBackup.Contents {
    fileprivate var text: String { "\(lanes) tenants' integrations, \(unfinishedJobs) unfinished jobs" }
}
