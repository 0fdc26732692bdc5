import ArgumentParser
import Contract
import Glibc
import Store

/// The option with which a command shows its result again and again.
struct WatchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Show it again after this time, until ctrl-C. Needs a terminal.", valueName: "seconds"))
    var watch: Double?

    func validate() throws {
        guard watch.map({ $0 >= 0.1 && $0 <= 86_400 }) ?? true else {
            throw ValidationError("--watch is a number of seconds from 0.1 to 86400.")
        }
    }

    /// - Returns: `nil` if the result is shown once.
    /// - Throws: ``Failure`` if there is no terminal to redraw.
    func repetition(as format: OutputFormat) throws(Failure) -> Watch? {
        guard let watch else { return nil }
        guard format == .text, Terminal.isScreen else {
            throw Failure(
                .usage,
                "--watch redraws a terminal, and this output is for a program.",
                hint: "Run the command in a loop without --watch. To follow results as they arrive, use autotask-worker events."
            )
        }
        return Watch(interval: .milliseconds(Int64(watch * 1000)))
    }
}

/// A command with a result that changes while somebody looks at it.
protocol WatchedCommand: AsyncParsableCommand {
    var watch: WatchOptions { get }
}

/// Redraws a result on the terminal until ctrl-C, which ends the command with 0.
struct Watch {
    let interval: Duration

    /// - Parameter frame: the lines to show. If it fails for the first time, the command ends; later it shows the failure, and goes on.
    func run(_ frame: () async throws -> [TerminalText]) async throws {
        signal(SIGINT) { _ in
            // Nothing else may be called in a signal's handler.
            _ = write(STDOUT_FILENO, "\n", 1)
            _exit(0)
        }
        var lines = try await frame()
        while true {
            Terminal.redraw(lines, every: interval, at: SystemTime.now)
            try await Task.sleep(for: interval)
            do { lines = try await frame() } catch { lines = Watch.lines(of: error) }
        }
    }

    private static func lines(of error: any Error) -> [TerminalText] {
        let text = (error as? StoreError)?.message ?? "\(error)"
        return text.split(separator: "\n").map { TerminalText(String($0)) }
    }
}

extension Watch {
    /// The rows of a terminal for a result: what does not fit is counted in the last one.
    static func rows(_ lines: [TerminalText], title: String, height: Int?) -> [TerminalText] {
        let title = [TerminalText(title), TerminalText("")]
        guard let height, lines.count + title.count > height else { return title + lines }
        let shown = max(height - title.count - 1, 0)
        return title + lines.prefix(shown) + [TerminalText("… \((lines.count - shown).of("more line"))")]
    }
}
