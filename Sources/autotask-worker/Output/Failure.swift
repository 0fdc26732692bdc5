import ArgumentParser

/// The message of a command that fails, with a hint and the exit status.
struct Failure: Error, CustomStringConvertible {
    /// Exit codes with a meaning (`Contract`, "Settings and exit codes").
    enum Status: Int32 {
        /// The result is negative.
        case no = 1
        case usage = 2
        /// Something that the command needs is not available.
        case unavailable = 69
        /// A defect of the program.
        case defect = 70
    }

    let status: Status
    let message: String
    /// What to do next.
    let hint: String?

    init(_ status: Status, _ message: String, hint: String? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
    }

    /// Both in one line.
    var line: String { hint.map { message + " " + $0 } ?? message }

    var description: String { hint.map { message + "\n" + $0 } ?? message }
}

extension ExitCode {
    /// The end of a command whose output already explains the negative result.
    static let no = ExitCode(Failure.Status.no.rawValue)
}
