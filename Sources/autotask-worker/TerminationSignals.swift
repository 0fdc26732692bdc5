import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Logs the first SIGTERM or SIGINT, on which the service group shuts down, and ends the process immediately on the second. That does no
/// more harm than `kill -9`: another worker, or this one's next start, takes over unfinished jobs.
struct TerminationSignals: Service {
    let log: Logger
    /// Called once the signals are trapped, here and by the service group: from then on the first one ends the worker with exit code 0.
    let onTrapped: @Sendable () -> Void

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        onTrapped()
        var isFirst = true
        for await signal in signals.cancelOnGracefulShutdown() {
            guard isFirst else {
                log.warning("Second signal to shut down: the process ends now, and its unfinished jobs are taken over")
                _exit(128 + signal.rawValue)
            }
            log.info("Shutting down: no more jobs are taken, running jobs end or are put back")
            isFirst = false
        }
    }
}
