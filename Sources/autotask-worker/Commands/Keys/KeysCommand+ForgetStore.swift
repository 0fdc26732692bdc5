import ArgumentParser
import Contract
import SQLiteStore
import Store
import Vault

extension KeysCommand {
    struct ForgetStore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "forget-store",
            abstract: "Makes the ring forget its store, when that is lost for good and there is no backup.",
            discussion: """
                A ring belongs to one store, and 'run' creates no other for it. After this command, 'run' with STORE_CREATE=yes does. All tenants
                have to connect again. The worker recognizes their services in Autotask, since the ring's identity key stays.

                Example: autotask-worker keys forget-store
                """
        )
        @OptionGroup var confirmation: Confirmation
        @OptionGroup var settings: SettingsOptions

        func run() async throws {
            Terminal.endsOnlyWhenDone()
            let settings = try await Configuration(settings)
            let file = try settings.keyRingFile
            guard let id = try await settings.keyRing.storeID else { return Terminal.line("The ring belongs to no store.") }
            try await checkLoss(of: id, at: try settings.storePath)
            guard !confirmation.dryRun else { return Terminal.line("The ring would forget the store \(id).") }
            try confirmation.ask("The key ring \(file.path) will forget its store \(id), and belong to the next store that 'run' creates.")
            do { try await file.update { $0.belonging(to: nil) } } catch let error as VaultError {
                throw Failure(.unavailable, error.message)
            }
            Terminal.line("The ring belongs to no store now.")
        }

        /// Refuses if the store is not lost: its worker would continue with the ring beside a second store.
        private func checkLoss(of id: String, at path: String) async throws {
            let found: StoreIdentity?
            do { found = try await StoreIdentity.look(at: path) } catch {
                guard error.code != .gone else { return }
                // A file that cannot be read may be the store.
                throw Failure(
                    .unavailable,
                    "It is not known whether the store \(id) is lost. \(error.message)",
                    hint: "Nothing was changed. Check STORE_URL. If the file is no longer needed, move it away first."
                )
            }
            guard let found else {
                guard PairedStore.isThere(path) else { return }
                throw Failure(
                    .unavailable,
                    "It is not known whether the store \(id) is lost: \(path) has no id that can be compared.",
                    hint: "Nothing was changed. Check STORE_URL. If the file is no longer needed, move it away first."
                )
            }
            guard found.store == id else { return }
            throw found.isCopy
                ? Failure(
                    .unavailable,
                    "\(path) is a copy of the store \(id).",
                    hint: "Nothing was changed. Restore the copy: autotask-worker store restore \(path) --store-url sqlite:PATH"
                )
                : Failure(
                    .unavailable,
                    "The store \(id) is not lost: it is \(path).",
                    hint:
                        "Nothing was changed. For another store, generate another key ring: autotask-worker keys generate --vault-keys PATH"
                )
        }
    }
}
