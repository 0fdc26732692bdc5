import ArgumentParser
import Glibc
import Logging
import Store
import Telemetry

/// The last line of a worker that cannot start or go on: a line of its log, so that a program that reads the log understands it.
enum FatalLine {
    /// Writes the line.
    ///
    /// - Returns: the error with which the command ends, without another message.
    static func write(_ error: any Error, as format: LogFormat) -> any Error {
        if error is ExitCode || error is CleanExit { return error }
        let (reason, status) = description(of: error)
        // The process's log may not exist yet. Whatever is in it comes first.
        LogStream.flushCurrent()
        guard let stream = try? LogStream(STDERR_FILENO, as: format) else { return error }
        let log = Logger(label: "autotask-worker") { WorkerLogHandler($0, to: stream) }
        // A line of this level is written before the call returns.
        log.critical("The worker ends with an error", metadata: .keys([.error: "\(TerminalText(reason))"]))
        return ExitCode(status.rawValue)
    }

    private static func description(of error: any Error) -> (reason: String, status: Failure.Status) {
        switch error {
        case let failure as Failure: (failure.line, failure.status)
        case let error as StoreError where error.code != .unexpected: (error.message, .unavailable)
        default: ("\(error)", .defect)
        }
    }
}
