import ArgumentParser
import Contract

/// A command that prints a list page by page. Its memory does not grow with the list, and the store is not read while it prints.
protocol StreamedCommand: AsyncParsableCommand {
    associatedtype Element: ListElement
    /// The line for an empty list.
    static var whenEmpty: String { get }
    var output: OutputOptions { get }

    /// Calls `show` with each page.
    ///
    /// - Returns: what the list leaves out; `nil` for nothing.
    func pages(_ settings: Configuration, _ show: ([Element]) -> Void) async throws -> Rest?
}

extension StreamedCommand {
    func run() async throws {
        let repetition = try (self as? any WatchedCommand)?.watch.repetition(as: output.form.format)
        let settings = try await Configuration(output.settings, output.file)
        if let repetition { return try await repetition.run { try await lines(settings) } }
        try await output.stream(whenEmpty: Self.whenEmpty) { show in try await pages(settings, show) }
    }

    /// All lines for people.
    private func lines(_ settings: Configuration) async throws -> [TerminalText] {
        var lines: [TerminalText] = []
        var printer = ListPrinter<Element>(.text, whenEmpty: Self.whenEmpty) { lines.append($0) }
        let rest = try await pages(settings) { printer.show($0) }
        printer.end()
        return lines + (rest?.lines ?? []).map { TerminalText($0) }
    }
}

extension OutputOptions {
    /// Prints a list page by page, for people in a pager.
    ///
    /// - Parameters:
    ///   - whenEmpty: the line for an empty list.
    ///   - pages: calls its argument with each page, and returns what the list leaves out.
    func stream<Element: ListElement>(whenEmpty: String, _ pages: (([Element]) -> Void) async throws -> Rest?) async throws {
        beginPager()
        var printer = ListPrinter<Element>(form.format, whenEmpty: whenEmpty) { Terminal.line($0) }
        let rest = try await pages { printer.show($0) }
        printer.end()
        guard let rest else { return }
        if form.format == .text { rest.lines.forEach { Terminal.line($0) } } else { warn(rest) }
    }
}

/// Prints the pages of one list: a table for each page, or one document or CSV file of all.
struct ListPrinter<Element: ListElement> {
    private let format: OutputFormat
    private let whenEmpty: String
    private let print: (TerminalText) -> Void
    private var isEmpty = true
    /// The element of a JSON array that waits for the next one, or for the end.
    private var last: JSON?

    init(_ format: OutputFormat, whenEmpty: String, to print: @escaping (TerminalText) -> Void) {
        self.format = format
        self.whenEmpty = whenEmpty
        self.print = print
    }

    mutating func show(_ page: [Element]) {
        guard !page.isEmpty else { return }
        let listing = Listing(elements: page, whenEmpty: whenEmpty)
        switch format {
        case .text, .jsonl: listing.printed(as: format).forEach(print)
        case .csv: listing.printed(as: .csv).dropFirst(isEmpty ? 0 : 1).forEach(print)
        case .json:
            for element in listing.documents {
                if let last { show(last, before: ",") }
                last = element
            }
            return
        }
        isEmpty = false
    }

    /// Ends the output. An empty list is an empty array or a header; people get a line that says so.
    mutating func end() {
        if let last {
            show(last, before: "]")
        } else if isEmpty {
            Listing<Element>(elements: [], whenEmpty: whenEmpty).printed(as: format).forEach(print)
        }
    }

    private mutating func show(_ element: JSON, before mark: String) {
        print(TerminalText(element, after: isEmpty ? "[" : "", before: mark))
        isEmpty = false
    }
}
