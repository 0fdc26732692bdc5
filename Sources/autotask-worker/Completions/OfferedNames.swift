import ArgumentParser
import Contract
import FoundationEssentials
import Glibc
import SQLiteStore
import Vault

/// Values that a shell offers for a word of the command line: names from the store and the key ring that the line's settings name.
///
/// They are read without changing anything, for at most 100 ms. After any error there are none: a completion has no place for a message.
enum OfferedNames {
    private static let limit: Duration = .milliseconds(100)
    /// More than this is no help on a terminal.
    private static let count = 200

    static let tenants = store(.tenants)
    static let jobs = store(.jobs)
    static let letters = store(.letters)
    static let fingerprints = store(.fingerprints)
    static let reasons = store(.reasons)
    static let operations = store(.operations)

    /// Completes a word with names in the store.
    private static func store(_ names: StoreNames) -> CompletionKind {
        .custom { words, place, beginning in
            await offered {
                let settings = try await CommandWords(words, completing: place).settings(Launch.current.environment)
                let tenant = names == .tenants ? nil : CommandWords(words, completing: place).value(of: "--tenant")
                return try await names.look(at: settings.storePath, tenant: tenant, beginning: beginning, limit: count)
            }
        }
    }

    /// Completes a word with the ids of former keys, which alone can be retired.
    static let formerKeys = CompletionKind.custom { words, place, beginning in
        await offered {
            let ring = try await CommandWords(words, completing: place).settings(Launch.current.environment).keyRing
            return Array(ring.entries.filter { !$0.isActive && $0.id.hasPrefix(beginning) }.map(\.id).prefix(count))
        }
    }

    static let products = CompletionKind.list(Product.allCases.map(\.rawValue))

    /// The names, or none after an error or when the time is over. Work that still runs then is abandoned, as the program is about to end.
    private static func offered(_ names: @escaping @Sendable () async throws -> [String]) async -> [String] {
        await Deadline.value(within: limit) { (try? await names()) ?? [] } ?? []
    }
}

/// The words of a command line that is not complete yet.
struct CommandWords {
    private let words: [String]

    /// - Parameters:
    ///   - words: all words of the line.
    ///   - place: the index of the word that is being completed, which has no value yet.
    init(_ words: [String], completing place: Int) {
        self.words = words.enumerated().filter { $0.offset != place }.map(\.element)
    }

    /// The value of an option, as its own word or after `=`.
    func value(of option: String) -> String? {
        for (index, word) in words.enumerated() {
            if word == option, index + 1 < words.count { return CommandWords.unquoted(words[index + 1]) }
            if word.hasPrefix(option + "=") { return CommandWords.unquoted(String(word.dropFirst(option.count + 1))) }
        }
        return nil
    }

    /// The settings that the line would have.
    ///
    /// - Parameter environment: the program's variables.
    func settings(_ environment: [String: String]) async throws -> Configuration {
        let values = SettingsTable.all.compactMap { setting in value(of: setting.option).map { (setting.name, $0) } }
        return try await Configuration(
            Dictionary(values, uniquingKeysWith: { first, _ in first }),
            file: value(of: "--config"),
            environment: environment
        )
    }

    /// The word without quotes around it; the shell passes it as it was typed.
    private static func unquoted(_ word: String) -> String {
        guard word.count > 1, let first = word.first, "'\"".contains(first), word.last == first else { return word }
        return String(word.dropFirst().dropLast())
    }
}
