import Contract
import Glibc
import Synchronization

/// The output of a command: plain lines, or coloured ones when a person reads them.
enum Terminal {
    enum Style: String {
        case success = "32"
        case error = "31"
        case warning = "33"
        case dim = "2"
        case bold = "1"
    }

    /// The descriptor of the place in which output is shown: standard output, unless that leads to a ``Pager``.
    private static var screen: Int32 { place.load(ordering: .relaxed) }
    private static let place = Atomic<Int32>(STDOUT_FILENO)

    /// Called when standard output leads to a pager, which writes to this terminal.
    static func becomePaged(screen: Int32) { place.store(screen, ordering: .relaxed) }

    /// Whether output is shown on a terminal that can be redrawn and scrolled.
    static var isScreen: Bool { isatty(screen) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb" }

    /// Whether standard output is a terminal without a request for plain text (`NO_COLOR`), or colours are requested (`CLICOLOR_FORCE`).
    private static let isColoured =
        (isatty(screen) == 1 && getenv("NO_COLOR") == nil) || getenv("CLICOLOR_FORCE").map { String(cString: $0) != "0" } ?? false

    static func styled(_ text: String, _ style: Style) -> String { isColoured ? TerminalText.styled(text, style.rawValue) : text }

    /// Writes a line to standard output, without a buffer: the reader of a pipe sees it immediately.
    ///
    /// The line may hold text of portals and Autotask: only ``styled(_:_:)`` writes control sequences.
    static func line(_ text: String) { write(TerminalText(text)) }

    /// Writes a text of this program with several lines, such as its help.
    static func text(_ text: String) { text.split(separator: "\n", omittingEmptySubsequences: false).forEach { line(String($0)) } }

    static func line(_ json: JSON) { write(TerminalText(json)) }

    static func line(_ text: TerminalText) { write(text) }

    static func show(_ output: some CommandOutput, as format: OutputFormat) { output.printed(as: format).forEach(write) }

    /// The place in which standard output is shown.
    static var layout: Table.Layout {
        guard isatty(screen) == 1 else { return .full }
        return Table.Layout(width: screenSize.map { Int($0.ws_col) }, now: SystemTime.now)
    }

    private static var screenSize: winsize? {
        var size = winsize()
        return ioctl(screen, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? size : nil
    }

    /// Shows lines in place of what the terminal shows. Lines that are wider than it are cut.
    static func redraw(_ lines: [TerminalText], every interval: Duration, at now: Timestamp) {
        let title = styled("Every \(interval.inWords), \(now). End with ctrl-C.", .dim)
        let rows = Watch.rows(lines, title: title, height: screenSize.map { Int($0.ws_row) })
        // Home; without wrapping, each row with the rest of its line erased; the rest of the screen erased.
        let text = "\u{1B}[H\u{1B}[?7l" + rows.map { "\($0)\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J\u{1B}[?7h"
        write(Array(text.utf8))
    }

    /// The width of the terminal of standard error; `nil` if it is none, or a dumb one.
    static var errorWidth: Int? {
        guard isatty(STDERR_FILENO) == 1, getenv("TERM").map({ String(cString: $0) }) != "dumb" else { return nil }
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// A time in UTC, followed by its age on a terminal.
    static func time(_ moment: Timestamp) -> String { "\(moment)" + (layout.now.map { " (\(moment.age(at: $0)))" } ?? "") }

    /// Why output of this process was lost; `nil` for none.
    private static let loss = Mutex<String?>(nil)
    private static let isChanging = Atomic(false)

    /// Lets the command finish even if its output is lost; it then ends with ``endIfLost()``. A command that changes something calls this
    /// first, so that it does not stop halfway. A command that only reads ends at once.
    static func endsOnlyWhenDone() {
        isChanging.store(true, ordering: .relaxed)
        // When the reader has gone, a write fails with EPIPE, and no signal ends the process.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Ends the process with ``Failure/Status/unavailable`` if output of a command that changes something was lost.
    static func endIfLost() {
        guard let reason = loss.withLock({ $0 }) else { return }
        complain(
            "The output could not be written: \(reason). The command has completed nevertheless.\nDo not run it again to see its output: look at what it changed."
        )
        exit(Failure.Status.unavailable.rawValue)
    }

    /// Writes a whole line. If it cannot be written, a command that only reads ends the process with ``Failure/Status/unavailable``, since
    /// its output, perhaps a public key, is lost.
    private static func write(_ line: TerminalText) { write(Array("\(line)\n".utf8)) }

    private static func write(_ bytes: [UInt8]) {
        guard loss.withLock({ $0 }) == nil else { return }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress! + written, bytes.count - written) }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                wait(for: STDOUT_FILENO)
            } else if errno == EPIPE, Pager.isActive {
                // The person has left the pager, and wants no more.
                exit(0)
            } else if errno != EINTR {
                let reason = String(cString: strerror(errno))
                if isChanging.load(ordering: .relaxed) { return loss.withLock { $0 = reason } }
                complain("The output could not be written: \(reason). Check where standard output leads, and run the command again.")
                exit(Failure.Status.unavailable.rawValue)
            }
        }
    }

    /// Waits until something can be written to a descriptor that does not block.
    static func wait(for descriptor: Int32) {
        var output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&output, 1, -1)
    }

    /// Whether a person can be asked.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Writes a question or a progress to standard error, where it is seen even if standard output is redirected. The text is the program's own.
    static func ask(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    /// Writes lines to standard error. The text may have several lines: the second one is a hint.
    static func complain(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { TerminalText(String($0)).description }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        LogStream.flushCurrent()
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
