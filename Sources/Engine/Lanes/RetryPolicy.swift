package import Contract

/// Whether and when something transient is tried again: a pure function of the error, the attempt and chance.
package struct RetryPolicy: Hashable, Sendable {
    /// The upper bound of the first delay; it doubles with each attempt.
    package var base: Duration
    package var maximumDelay: Duration
    /// Attempts at a job, the first included.
    package var maximumAttempts: Int

    /// A job is not tried again later than this after it was accepted.
    package var maximumAge: Duration

    package init(
        base: Duration = .seconds(2),
        maximumDelay: Duration = .seconds(600),
        maximumAttempts: Int = 10,
        maximumAge: Duration = .seconds(86_400)
    ) {
        self.base = base
        self.maximumDelay = maximumDelay
        self.maximumAttempts = maximumAttempts
        self.maximumAge = maximumAge
    }

    /// When the next attempt may begin, or `nil` when the attempts are spent.
    ///
    /// Exponential with full jitter. What Autotask named in `Retry-After` is a floor, and the jitter comes on top of it: otherwise every
    /// tenant of a database would come back in the same instant.
    ///
    /// - Parameters:
    ///   - attempt: the attempt that just failed, from 1; with how often the job was held up before, where it is held up again.
    ///   - isHeldUp: whether it came to nothing because Autotask does not work at the moment: then it does not count, and ends by age alone.
    ///   - acceptedAt: when the job was accepted.
    ///   - earliest: not before this moment, whatever chance says.
    ///   - fraction: chance, in `0..<1`.
    package func nextAttempt(
        after attempt: Int,
        isHeldUp: Bool = false,
        acceptedAt: Timestamp,
        earliest: Timestamp?,
        fraction: Double,
        now: Timestamp
    ) -> Timestamp? {
        guard attempt < maximumAttempts || isHeldUp else { return nil }
        var ceiling = base
        for _ in 1..<max(attempt, 1) where ceiling < maximumDelay { ceiling *= 2 }
        let jitter = min(ceiling, maximumDelay) * fraction
        let next = max(earliest ?? now, now) + jitter
        return next < acceptedAt + maximumAge ? next : nil
    }
}
