import ArgumentParser

/// What a command tells when it cannot do what it was asked for, and its exit status.
struct Failure: Error, CustomStringConvertible {
    /// Exit codes that mean something (`Contract`, "Settings and exit codes").
    enum Status: Int32 {
        /// The answer is no.
        case no = 1
        case usage = 2
        /// Something that the command needs is not there.
        case unavailable = 69
        /// A defect of its own.
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

    var description: String { hint.map { message + "\n" + $0 } ?? message }
}

extension ExitCode {
    /// The end of a command whose output says already why the answer is no.
    static let no = ExitCode(Failure.Status.no.rawValue)
}
