import ArgumentParser

/// The confirmation of a step that cannot be undone.
struct Confirmation: ParsableArguments {
    @Flag(help: "Do it without asking. Required without a terminal.") var yes = false
    @Flag(help: "Show what would be done, and change nothing.") var dryRun = false

    func validate() throws {
        guard !yes || !dryRun else { throw ValidationError("Use either --yes or --dry-run.") }
    }

    /// Asks on a terminal, unless `--yes` is given.
    ///
    /// - Parameter consequence: what the step does, with a count.
    /// - Throws: ``Failure`` if the answer is not yes, or there is no terminal to ask on.
    func ask(_ consequence: String) throws {
        guard !yes else { return }
        guard Terminal.canAsk else {
            throw Failure(.usage, consequence, hint: "Nothing was changed. Add --yes to do it, or --dry-run to see what would be done.")
        }
        Terminal.ask("\(consequence)\nGo on? [y/N] ")
        guard let answer = readLine()?.lowercased(), ["y", "yes"].contains(answer) else { throw Failure(.no, "Nothing was changed.") }
    }
}
