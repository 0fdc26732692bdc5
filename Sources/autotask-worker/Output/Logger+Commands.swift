import Logging

extension Logger {
    /// The logger for parts of the worker in a command. It is silent, since the command reports errors itself.
    static let ofCommands: Logger = {
        var log = Logger(label: "autotask-worker", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = .critical
        return log
    }()
}
