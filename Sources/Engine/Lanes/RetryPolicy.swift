package import Contract

/// Decides whether and when a job is tried again after a transient failure: a pure function of the error, the attempt and chance.
package struct RetryPolicy: Hashable, Sendable {
    /// The upper bound of the first delay; it doubles with each attempt.
    package var base: Duration
    package var maximumDelay: Duration
    /// The maximum number of attempts at a job, including the first.
    package var maximumAttempts: Int

    /// A job is not tried again once this much time has passed since it was accepted.
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
    /// The delay is exponential with full jitter. Autotask's `Retry-After` is a floor, and the jitter is added to it. Otherwise every
    /// tenant of a database would return at the same instant.
    ///
    /// - Parameters:
    ///   - attempt: the number of the attempt that just failed, from 1, plus earlier hold-ups if the job is held up again.
    ///   - isHeldUp: whether it failed for a reason outside the job. Then the attempt does not count, and only its age ends the job.
    ///   - acceptedAt: when the job was accepted.
    ///   - earliest: the moment before which no attempt may begin.
    ///   - fraction: a random number in `0..<1`.
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
        // More would exceed every delay.
        for _ in 1..<min(max(attempt, 1), 64) where ceiling < maximumDelay { ceiling *= 2 }
        let jitter = min(ceiling, maximumDelay) * fraction
        let next = max(earliest ?? now, now) + jitter
        return next < acceptedAt + maximumAge ? next : nil
    }
}
