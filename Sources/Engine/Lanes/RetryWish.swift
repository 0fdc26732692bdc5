import Contract
import Store

/// A handler's wish to try a job again later.
struct RetryWish: Sendable {
    let error: JobError
    /// Not before this moment, if Autotask or the settle time names one.
    let earliest: Timestamp?
    /// Whether the reason is outside the job: then the attempt does not count.
    let isHeldUp: Bool
    /// Whether the worker stops or lost the lane, and its calls were cut short.
    let isCutShort: Bool

    /// What becomes of the wish. A job ends in its failed event if its attempts or its time are spent, and then it is dead-lettered. It ends
    /// also if a person waits for it and it would not be in time or needs a person. That person asks again. A scheduled check ends because the
    /// next one is already scheduled.
    ///
    /// - Parameters:
    ///   - job: as the claim has it, with this attempt counted.
    ///   - deadline: of a job for which a person waits.
    ///   - fraction: chance, in `0..<1`.
    func ending(
        of job: QueuedJob,
        before deadline: Timestamp?,
        under policy: RetryPolicy,
        fraction: Double,
        at now: Timestamp
    ) -> Attempt.Ending {
        if isCutShort { return .postponed }
        if job.isScheduled { return .finished(error) }
        let next = policy.nextAttempt(
            after: job.attempts + (isHeldUp ? job.heldUp : 0),
            isHeldUp: isHeldUp,
            // Its time stood still while it was paused.
            acceptedAt: job.acceptedAt + job.pausedFor,
            earliest: earliest,
            fraction: fraction,
            now: now
        )
        guard let next else {
            let isSpent = !isHeldUp && job.attempts >= policy.maximumAttempts
            return .givenUp(GivenUp(isSpent ? .attemptsSpent : .timeSpent, error))
        }
        if let deadline, next >= deadline || !error.isRetryable { return .finished(error) }
        return .deferred(until: next, because: error, counts: !isHeldUp)
    }
}
