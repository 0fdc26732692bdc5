import ArgumentParser
import Contract
import Glibc
import Vault

/// `keys …`: the key ring.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Creates the key ring, changes its keys, and prints the public ones for portals.",
        discussion: """
            The ring has keys of three uses: 'credentials' keys wrap the key of each tenant's credentials, 'jobs' keys seal requests that wait, and
            portals seal credentials to 'portals' keys. One key of each use is active; former keys only open what they sealed.

            Example: autotask-worker keys rotate && autotask-worker keys list
            """,
        subcommands: [Generate.self, List.self, Publish.self, Seal.self, Rotate.self, Retire.self, ForgetStore.self]
    )

    struct Generate: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Creates a new key ring file, readable by its owner only. An existing file is never overwritten.",
            discussion: "Example: autotask-worker keys generate --vault-keys /etc/autotask-worker/keys.json"
        )
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let file = try settings.keyRingFile
            if let path = try? settings.storePath, access(path, F_OK) == 0 {
                Terminal.complain(
                    "Warning: there is a store \(path) already. A new key ring opens nothing in it: restore the store's own key ring."
                )
            }
            do { try file.create(KeyRing.generate(at: SystemTime.now)) } catch { throw Failure(.unavailable, error.message) }
            return Outcome(
                ["path": file.path],
                "Wrote the key ring \(file.path). Back it up, apart from the store: without it nothing in the store can be read."
            )
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the public keys, as a JSON document for portals to seal credentials with.",
            discussion: """
                The first key is the one to use. A portal reads the document again after the error key_unknown.

                Example: autotask-worker keys publish > keys.json
                """
        )
        @OptionGroup var settings: SettingsOptions

        func run() async throws {
            let ring = try await Configuration(settings).keyRing
            Terminal.line(ring.publicKeys(at: SystemTime.now))
        }
    }
}
