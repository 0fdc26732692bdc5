package import Contract

/// The scheduled checks that one call of ``ScheduledChecks/enterChecks(_:at:)`` may enter.
package struct CheckRound: Sendable {
    /// How far, as a share of its interval, chance moves a check: so that those of many tenants do not stay together.
    package static let jitter = 0.1

    /// One kind of check.
    package struct Check: Hashable, Sendable {
        package var kind: JobKind
        /// How long after the last one the next is due.
        package var interval: Duration

        package init(_ kind: JobKind, every interval: Duration) {
            self.kind = kind
            self.interval = interval
        }

        /// When a lane is looked at first: at any time within the interval, so that tenants that come together are looked at apart.
        package func first(after now: Timestamp, chance: Double) -> Timestamp { now + interval * chance }

        /// When a lane is looked at next.
        package func next(after now: Timestamp, chance: Double) -> Timestamp {
            now + interval * (1 - CheckRound.jitter + 2 * CheckRound.jitter * chance)
        }

        /// No moment that was chosen with this interval is later. One that is comes from a longer interval, or another clock.
        package func latest(after now: Timestamp) -> Timestamp { next(after: now, chance: 1) }

        /// Whether a lane is worth looking at. Where credentials were refused, only a connect can help; where another database answers, it may
        /// be the old one again.
        package func isOf(use status: ConnectionRecord.Status) -> Bool {
            switch status {
            case .connected: true
            case .credentialsRejected: false
            case .databaseMismatch: kind == .verify
            }
        }
    }

    package var checks: [Check]
    /// How many checks at most wait and run after it, over all lanes: what a fleet spends on them at once.
    package var limit: Int
    /// Chance, in `0..<1`, for each moment that is chosen.
    package var chance: @Sendable () -> Double

    package init(checks: [Check], limit: Int, chance: @escaping @Sendable () -> Double) {
        self.checks = checks
        self.limit = limit
        self.chance = chance
    }
}
