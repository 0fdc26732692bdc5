import ArgumentParser

/// The form in which a command prints its result.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    /// Lines for people.
    case text
    /// One JSON document.
    case json
    /// One JSON document a line; a list has a line for each element.
    case jsonl
    /// A table as CSV (RFC 4180), with a header.
    case csv
}

/// The options for the form of an output.
struct FormatOptions: ParsableArguments {
    @Flag(help: "Print JSON: the same as --output json.") var json = false
    @Option(
        name: .customLong("output"),
        help: ArgumentHelp(
            "The form of the output: jsonl is a line of JSON for each element of a list, csv is for tables.",
            valueName: "format"
        )
    )
    var chosen: OutputFormat?

    var format: OutputFormat { chosen ?? (json ? .json : .text) }

    func validate() throws {
        guard !json || chosen == nil || chosen == .json else { throw ValidationError("Use either --json or --output \(format.rawValue).") }
    }

    /// Checks, before a command does anything, that its output has the chosen form.
    ///
    /// - Throws: ``Failure`` for CSV of an output without a table.
    func check(_ output: (some CommandOutput).Type) throws {
        guard format == .csv, !(output is any TableOutput.Type) else { return }
        throw Failure(.usage, "This command prints no table, and so no CSV.", hint: "Use --output json. Nothing was done.")
    }

    /// Prints a result, and throws the error that it may stand for.
    func show(_ output: some CommandOutput) throws {
        Terminal.show(output, as: format)
        if let failure = output.failure { throw failure }
    }
}

/// The options that commands with an output have in common.
struct OutputOptions: ParsableArguments {
    @OptionGroup var form: FormatOptions
    @Flag(help: "Do not show a long output in a pager ($PAGER, or less).") var noPager = false
    // Not as SettingsOptions: in a debug build ArgumentParser takes four times as long for each level of groups.
    @OptionGroup var file: SettingsFile
    @OptionGroup(title: "Settings", visibility: .hidden) var settings: SettingOptions

    /// Lets a pager show the output if it is for people.
    func beginPager() {
        if form.format == .text, !noPager { Pager.begin() }
    }

    /// Prints a line while the command still works, unless the output is for programs.
    func progress(_ line: String) {
        if form.format == .text { Terminal.line(line) }
    }
}

extension OutputOptions {
    /// Prints what an output leaves out to standard error, if the output is for programs. For people it is among the lines.
    func warn(_ rest: Rest) {
        if form.format != .text { Terminal.complain(rest.lines.joined(separator: "\n")) }
    }
}

/// A command that prints one output.
protocol OutputCommand: AsyncParsableCommand {
    associatedtype Output: CommandOutput
    /// Whether it changes something: then lost output does not stop it (``Terminal/endsOnlyWhenDone()``).
    static var changesSomething: Bool { get }
    /// Whether its output may be longer than a screen: then a ``Pager`` shows it. By default, if it is a list.
    static var isLong: Bool { get }
    var output: OutputOptions { get }

    func result(_ settings: Configuration) async throws -> Output
}

extension OutputCommand {
    static var changesSomething: Bool { false }
    static var isLong: Bool { Output.self is any TableOutput.Type }

    func run() async throws {
        try output.form.check(Output.self)
        if Self.changesSomething { Terminal.endsOnlyWhenDone() }
        let repetition = try (self as? any WatchedCommand)?.watch.repetition(as: output.form.format)
        let settings = try await Configuration(output.settings, output.file)
        if let repetition { return try await repetition.run { try await result(settings).printed(as: .text) } }
        let shown = try await result(settings)
        if Self.isLong { output.beginPager() }
        try output.form.show(shown)
    }
}
