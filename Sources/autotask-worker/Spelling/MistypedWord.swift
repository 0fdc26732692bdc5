import ArgumentParser

/// A word on the command line that names neither a command nor an option, and the name that was likely meant.
struct MistypedWord {
    let word: String
    let meant: String

    /// Finds the first unknown word.
    ///
    /// - Parameters:
    ///   - arguments: the command line without the program's name.
    ///   - commands: all commands with their options.
    /// - Returns: `nil` if every name is known, or nothing is similar to the unknown one.
    init?(_ arguments: [String], among commands: CommandTree) {
        var command = commands
        for argument in arguments {
            if argument == "--" { return nil }
            if argument.hasPrefix("--") {
                let option = String(argument.prefix { $0 != "=" })
                guard !command.options.contains(option) else { continue }
                guard let meant = command.options.closest(to: option) else { return nil }
                (self.word, self.meant) = (option, meant)
                return
            }
            // Past a command without sub-commands there are values only.
            guard !command.subcommands.isEmpty, !argument.hasPrefix("-") else { continue }
            if let next = command.subcommands.first(where: { $0.name == argument }) {
                command = next
                continue
            }
            let names = command.subcommands.map(\.name)
            // Half of a long name is enough: `dead` for `dead-letters`.
            let beginning = names.filter { argument.count >= 3 && $0.hasPrefix(argument) }
            guard let meant = names.closest(to: argument) ?? (beginning.count == 1 ? beginning[0] : nil) else { return nil }
            (self.word, self.meant) = (argument, meant)
            return
        }
        return nil
    }

    /// Adds the suggestion to the first line of ArgumentParser's message, in place of its own, which does not know hidden options.
    func added(to message: String) -> String {
        var lines = message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let first = lines.first, first.contains("'\(word)'") else { return message }
        let end = first.firstRange(of: " Did you mean")?.lowerBound ?? first.endIndex
        let plain = String(first[..<end])
        lines[0] = plain + (plain.hasSuffix(".") ? "" : ".") + " Did you mean '\(meant)'?"
        return lines.joined(separator: "\n")
    }
}

/// A command with its sub-commands and options.
struct CommandTree {
    private let command: any ParsableCommand.Type

    static let ofProgram = CommandTree(command: AutotaskWorker.self)

    var name: String { command._commandName }
    var subcommands: [CommandTree] { command.configuration.subcommands.map { CommandTree(command: $0) } }

    /// `--amqp-url`, hidden ones too. ArgumentParser lists them only in the text of its help.
    var options: [String] {
        // So wide that every name is at the beginning of a line.
        let lines = AutotaskWorker.helpMessage(for: command, includeHidden: true, columns: 10_000).split(separator: "\n")
        return lines.filter { $0.hasPrefix("  -") }.flatMap { line in
            line.prefix { $0 != "<" }.matches(of: /--[a-z][a-z-]*/).prefix(2).map { String($0.output) }
        }
    }
}
