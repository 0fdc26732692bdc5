import ArgumentParser
import Contract

/// The result of a command. ``Terminal/show(_:asJSON:)`` prints it as lines for people, or as one JSON document.
///
/// It is not `Encodable`: Foundation's encoder keeps neither the order of members nor the text of numbers (see `Contract.JSON`).
protocol CommandOutput {
    var json: JSON { get }
    /// Each may hold text of portals and Autotask, and styles of ``Terminal``.
    var lines: [String] { get }
    /// The error with which the command ends after its output; `nil` on success.
    var failure: (any Error)? { get }
}

extension CommandOutput {
    var failure: (any Error)? { nil }

    /// The lines to write.
    func printed(asJSON: Bool) -> [TerminalText] { asJSON ? [TerminalText(json)] : lines.map { TerminalText($0) } }
}

/// A list of outputs.
struct Listing<Element: CommandOutput>: CommandOutput {
    let elements: [Element]
    /// The line for an empty list.
    let whenEmpty: String

    var json: JSON { .array(elements.map(\.json)) }
    var lines: [String] { elements.isEmpty ? [whenEmpty] : elements.flatMap(\.lines) }
}

/// The outcome of a command's work, with members for scripts.
struct Outcome: CommandOutput {
    var json: JSON
    var lines: [String]
    var failure: (any Error)?

    init(_ members: KeyValuePairs<String, any JSONValue>, _ lines: String..., failure: (any Error)? = nil) {
        json = .members(members)
        self.lines = lines
        self.failure = failure
    }
}

/// The options that commands with an output have in common.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup(title: "Settings") var settings: SettingsOptions

    /// Prints a line while the command still works, unless the output is JSON.
    func progress(_ line: String) {
        if !json { Terminal.line(line) }
    }
}

/// A command that prints one output.
protocol OutputCommand: AsyncParsableCommand {
    associatedtype Output: CommandOutput
    /// Whether it changes something: then lost output does not stop it (``Terminal/endsOnlyWhenDone()``).
    static var changesSomething: Bool { get }
    var output: OutputOptions { get }

    func result(_ settings: Configuration) async throws -> Output
}

extension OutputCommand {
    static var changesSomething: Bool { false }

    func run() async throws {
        if Self.changesSomething { Terminal.endsOnlyWhenDone() }
        let result = try await result(Configuration(output.settings))
        Terminal.show(result, asJSON: output.json)
        if let failure = result.failure { throw failure }
    }
}
