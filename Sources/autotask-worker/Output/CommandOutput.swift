import ArgumentParser
import Contract

/// What a command found or did: ``Terminal/show(_:asJSON:)`` lists it for people, or writes it as one JSON document.
///
/// It is not `Encodable`: Foundation's encoder keeps neither the order of members nor the text of numbers (see `Contract.JSON`).
protocol CommandOutput {
    var json: JSON { get }
    /// Each may hold text of portals and Autotask, and styles of ``Terminal``.
    var lines: [String] { get }
    /// The error that the command ends with although it has an output; `nil` if it did what it was asked for.
    var failure: (any Error)? { get }
}

extension CommandOutput {
    var failure: (any Error)? { nil }

    /// What is written, line by line.
    func printed(asJSON: Bool) -> [TerminalText] { asJSON ? [TerminalText(json)] : lines.map { TerminalText($0) } }
}

/// Several of them, one after the other.
struct Listing<Element: CommandOutput>: CommandOutput {
    let elements: [Element]
    /// The line for an empty one.
    let whenEmpty: String

    var json: JSON { .array(elements.map(\.json)) }
    var lines: [String] { elements.isEmpty ? [whenEmpty] : elements.flatMap(\.lines) }
}

/// A step that was done, with its members for scripts.
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

/// What commands with an output have in common on the command line.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup(title: "Settings") var settings: SettingsOptions

    /// Prints a line while the command still works. It is not part of a JSON document.
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
