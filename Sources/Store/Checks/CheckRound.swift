package import Contract

/// The scheduled checks that one call of ``ScheduledChecks/enterChecks(_:at:)`` may enter.
package struct CheckRound: Sendable {
    /// How far chance moves a check, as a share of its interval, so that the checks of many tenants spread out.
    package static let jitter = 0.1

    /// One kind of check.
    package struct Check: Hashable, Sendable {
        package var kind: JobKind
        /// The time from one check to the next.
        package var interval: Duration

        package init(_ kind: JobKind, every interval: Duration) {
            self.kind = kind
            self.interval = interval
        }

        /// The time of a lane's first check: anywhere in the interval, so that tenants that connect together are checked apart.
        package func first(after now: Timestamp, chance: Double) -> Timestamp { now + interval * chance }

        /// The time of a lane's next check.
        package func next(after now: Timestamp, chance: Double) -> Timestamp {
            now + interval * (1 - CheckRound.jitter + 2 * CheckRound.jitter * chance)
        }

        /// The latest time that this interval can produce. A later one comes from a longer interval or another clock.
        package func latest(after now: Timestamp) -> Timestamp { next(after: now, chance: 1) }

        /// Whether a check of a lane is useful. After refused credentials only a connect helps. After a database mismatch, a verify may find
        /// the old database again.
        package func isOf(use status: ConnectionRecord.Status) -> Bool {
            switch status {
            case .connected: true
            case .credentialsRejected: false
            case .databaseMismatch: kind == .verify
            }
        }
    }

    package var checks: [Check]
    /// The maximum number of checks that wait or run after the round, over all lanes.
    package var limit: Int
    /// Returns a random number in `0..<1` for each time that is chosen.
    package var chance: @Sendable () -> Double

    package init(checks: [Check], limit: Int, chance: @escaping @Sendable () -> Double) {
        self.checks = checks
        self.limit = limit
        self.chance = chance
    }
}
