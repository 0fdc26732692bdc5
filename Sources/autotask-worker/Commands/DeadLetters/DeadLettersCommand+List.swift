import ArgumentParser
import Contract
import Store

extension DeadLettersCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists dead letters by cause and tenant, the newest first.",
            discussion: """
                Dead letters of one cause have the same fingerprint, for all tenants. The groups are those of a limited number of dead letters; the \
                command says if it left older ones out. With --ungrouped it lists all of them.

                Example: autotask-worker dead-letters list --reason attempts_spent --json
                """
        )
        private static let whenEmpty = "There are no dead letters."

        @OptionGroup(title: "Selection") var filter: LetterFilter
        @Flag(help: "List each dead letter separately.") var ungrouped = false
        @Option(help: ArgumentHelp("Group this many dead letters at most.", valueName: "count")) var look = LetterTable.reach
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard look > 0 else { throw ValidationError("--look is a positive number of dead letters.") }
        }

        func run() async throws {
            let settings = try await Configuration(output.settings, output.file)
            let selection = try filter.selection
            if ungrouped {
                try await output.stream(whenEmpty: List.whenEmpty) { (show: ([KeptLetter]) -> Void) in
                    try await OpenStore.using(settings) { try await $0.forEachPage(of: selection, show) }
                    return nil
                }
            } else {
                try await output.stream(whenEmpty: List.whenEmpty) { (show: ([LetterGroup]) -> Void) in
                    let table = try await OpenStore.using(settings) { try await $0.letterGroups(selection, looking: look) }
                    show(table.groups)
                    return table.isComplete
                        ? nil
                        : Rest(
                            "Looked at the newest \(table.looked.of("dead letter")).",
                            "To look at more, add --look \(table.looked * 10)"
                        )
                }
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
