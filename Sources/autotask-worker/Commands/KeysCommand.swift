import ArgumentParser
import Contract
import Vault

/// `keys …`: the key ring.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes the key ring, and tells portals its public keys.",
        discussion: "Example: autotask-worker keys generate --vault-keys /etc/autotask-worker/keys.json",
        subcommands: [Generate.self, Publish.self]
    )

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a new key ring file, readable by its owner only. An existing file is never overwritten.",
            discussion: "Example: autotask-worker keys generate --vault-keys /etc/autotask-worker/keys.json"
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let path = try await Settings(settings).keyRingPath
            do { try KeyRing.generate(at: SystemTime.now).write(to: path) } catch {
                throw Failure(.unavailable, "The key ring \(path) was not written: \(error)")
            }
            if json {
                Terminal.line(String(decoding: (["path": .string(path)] as JSON).encoded, as: UTF8.self))
            } else {
                Terminal.line("Wrote the key ring \(path). Back it up, apart from the store: without it nothing in the store can be read.")
            }
        }
    }
    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the public keys, as a JSON document for portals to seal credentials with.",
            discussion: "Example: autotask-worker keys publish > keys.json"
        )
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let ring = try await Settings(settings).keyRing
            Terminal.line(String(decoding: ring.publicKeys.encoded, as: UTF8.self))
        }
    }
}
