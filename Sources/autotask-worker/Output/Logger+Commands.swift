import Logging

extension Logger {
    /// For what a command uses of the worker: what goes wrong, the command tells by itself.
    static let ofCommands: Logger = {
        var log = Logger(label: "autotask-worker", factory: { StreamLogHandler.standardError(label: $0) })
        log.logLevel = .critical
        return log
    }()
}
