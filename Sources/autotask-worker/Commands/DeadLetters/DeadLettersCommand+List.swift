import ArgumentParser
import Contract
import Store

extension DeadLettersCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists dead letters by cause and tenant.",
            discussion: """
                Letters of one cause have the same fingerprint, whoever's they are.

                Example: autotask-worker dead-letters list --reason attempts_spent --json
                """
        )
        @OptionGroup(title: "Selection") var filter: LetterFilter
        @Flag(help: "List each letter by itself.") var ungrouped = false
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let selection = try filter.selection
            let store = try await OpenStore(Configuration(settings)).store
            if ungrouped {
                var letters: [KeptLetter] = []
                try await store.forEachLetter(selection) { letters.append($0) }
                show(letters.reversed(), json: \.json, line: \.line)
            } else {
                show(try await store.letterGroups(selection), json: \.json, line: \.line)
            }
            await store.close()
        }

        private func show<Entry>(_ entries: [Entry], json form: (Entry) -> JSON, line: (Entry) -> String) {
            if json {
                Terminal.line(JSON.array(entries.map(form)))
            } else if entries.isEmpty {
                Terminal.line("There are no dead letters.")
            } else {
                for entry in entries { Terminal.line(line(entry)) }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one dead letter, with what its job went through.",
            discussion: "Example: autotask-worker dead-letters show 12 --json"
        )
        @Argument(help: "The letter's id.") var id: Int64
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let store = try await OpenStore(Configuration(settings)).store
            let letter = try await store.letters(LetterSelection(ids: [id]), after: 0, limit: 1).first
            await store.close()
            guard let letter else {
                throw Failure(.no, "There is no dead letter \(id).", hint: "See autotask-worker dead-letters list --ungrouped.")
            }
            if json {
                Terminal.line(letter.json)
            } else {
                letter.lines.forEach(Terminal.line)
            }
        }
    }
}
