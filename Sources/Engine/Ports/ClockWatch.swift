import Contract
package import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// Checks every few seconds how far the machine's clock was set since the worker started. The worker's own clock does not follow.
///
/// A worker that starts before the machine knows the time, for example at boot, keeps a wrong time. Its lease, its retries and the times of
/// its events are wrong then.
package final class ClockWatch: Service {
    private static let interval: Duration = .seconds(2)

    private let log: Logger
    private let measure: @Sendable () -> Duration
    private let lag = Mutex<Duration>(.zero)

    /// - Parameter measure: how far the machine's clock is ahead of the worker's.
    package init(log: Logger, measure: @escaping @Sendable () -> Duration) {
        self.log = log
        self.measure = measure
    }

    /// The clock's fault at the last check; `nil` if it had none.
    package var trouble: String? {
        let lag = lag.withLock { $0 }
        guard abs(lag.wholeMilliseconds) > Clocks.tolerance.wholeMilliseconds else { return nil }
        return
            "The machine's clock was set \(lag > .zero ? "forward" : "back") by \(abs(lag.wholeMilliseconds) / 1000) s since this worker started: restart it."
    }

    package func look() {
        let lag = measure()
        self.lag.withLock { $0 = lag }
    }

    package func run() async throws {
        var complaint: String?
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            look()
            let trouble = trouble
            // Logged once, not every few seconds.
            if let trouble, complaint == nil { log.error("The clock was set", metadata: .keys([.error: "\(trouble)"])) }
            if trouble == nil, complaint != nil { log.notice("The machine's clock and the worker's agree again") }
            complaint = trouble
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: ClockWatch.interval) }
        }
    }
}
