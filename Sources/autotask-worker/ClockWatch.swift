import Contract
import Engine
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// Looks every few seconds how far the machine's clock has been set since the worker started, whose own clock does not follow.
///
/// A worker that starts before the time is known, at boot say, would keep a wrong time for good: its lease, its retries and the times of its
/// events are wrong then, and its certificates may be.
final class ClockWatch: Service {
    private static let interval: Duration = .seconds(2)

    private let log: Logger
    private let measure: @Sendable () -> Duration
    private let seen = Mutex<Duration>(.zero)

    /// - Parameter measure: how far the machine's clock is ahead of the worker's.
    init(log: Logger, measure: @escaping @Sendable () -> Duration) {
        self.log = log
        self.measure = measure
    }

    /// What is wrong with the clock; `nil` if nothing is.
    var trouble: String? {
        let lag = seen.withLock { $0 }
        guard abs(lag.wholeMilliseconds) > Clocks.tolerance.wholeMilliseconds else { return nil }
        let size = Duration.milliseconds(abs(lag.wholeMilliseconds)).inWords
        return "The machine's clock was set \(size) \(lag > .zero ? "forward" : "back") since this worker started: start it again."
    }

    func run() async throws {
        var complaint: String?
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            seen.withLock { $0 = measure() }
            let trouble = trouble
            // Once, not every few seconds.
            if let trouble, complaint == nil { log.error("The clock was set", metadata: .keys([.error: "\(trouble)"])) }
            if trouble == nil, complaint != nil { log.notice("The machine's clock and the worker's agree again") }
            complaint = trouble
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: ClockWatch.interval) }
        }
    }
}
