import ArgumentParser
import Contract
import Store

extension DeadLettersCommand {
    struct List: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists dead letters by cause and tenant.",
            discussion: """
                Dead letters of one cause have the same fingerprint, for all tenants.

                Example: autotask-worker dead-letters list --reason attempts_spent --json
                """
        )
        @OptionGroup(title: "Selection") var filter: LetterFilter
        @Flag(help: "List each dead letter separately.") var ungrouped = false
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> LetterListing {
            let selection = try filter.selection
            return try await OpenStore.using(settings) { store in
                guard ungrouped else { return .groups(try await store.letterGroups(selection)) }
                var letters: [KeptLetter] = []
                try await store.forEachLetter(selection) { letters.append($0) }
                return .letters(letters.reversed())
            }
        }
    }

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one dead letter, with the history of its job.",
            discussion: "Example: autotask-worker dead-letters show 12 --json"
        )
        @Argument(help: "The dead letter's id.", completion: OfferedNames.letters) var id: Int64
        static let isLong = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> KeptLetter {
            let letters = try await OpenStore.using(settings) { store in
                try await store.letters(LetterSelection(ids: [id]), after: 0, limit: 1)
            }
            guard let letter = letters.first else {
                throw Failure(.no, "There is no dead letter \(id).", hint: "See autotask-worker dead-letters list --ungrouped.")
            }
            return letter
        }
    }
}
