import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Logs the first termination signal, on which the service group shuts down, and ends the process at once on the second. That does no more
/// harm than `kill -9`: another worker, or the next start of this one, takes over what was not finished.
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
                log.warning("Told to finish a second time: the process ends at once, and what it leaves behind is taken over")
                _exit(128 + signal.rawValue)
            }
            log.info("Told to finish: no more jobs are taken, those that run end or are parked")
            isFirst = false
        }
    }
}
