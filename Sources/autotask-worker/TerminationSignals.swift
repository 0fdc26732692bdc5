import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Says when the program is told to finish, which is the service group's to do, and ends it at once when it is told a second time. That does no
/// more harm than `kill -9`: whatever was not finished is taken over by another worker, or by this one's next start.
struct TerminationSignals: Service {
    let log: Logger

    func run() async throws {
        var isFirst = true
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint).cancelOnGracefulShutdown() {
            guard isFirst else {
                log.warning("Told to finish a second time: the process ends at once, and what it leaves behind is taken over")
                _exit(128 + signal.rawValue)
            }
            log.info("Told to finish: no more jobs are taken, those that run end or are parked")
            isFirst = false
        }
    }
}
