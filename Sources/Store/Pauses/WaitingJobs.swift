package import Contract

/// What an operator does with a job that waits.
package protocol WaitingJobs: Sendable {
    /// Ends the wait of a job for its next attempt.
    func hasten(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> WaitingJobOutcome

    /// Marks a job so that the next claim of its lane ends it as a dead-lettered job. A job that has written reports its writes first.
    func giveUp(_ id: JobID, of tenant: TenantID, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> WaitingJobOutcome
}

package enum WaitingJobOutcome: Hashable, Sendable {
    case done
    /// The tenant has no such job.
    case unknown
    case ended
    case running
    /// The pause with this id holds the job: it cannot be hastened.
    case paused(Int64)
    /// The job waits for no time: there is nothing to hasten.
    case due
    /// A write of the lane has no known outcome. It is looked up no earlier than the job is tried again.
    case settling
    /// Autotask asked for no call to the lane's database before this time.
    case limited(database: Int64, until: Timestamp)
}

extension QueuedJob {
    /// Whether it can be hastened.
    ///
    /// - Parameters:
    ///   - isRunning: whether it is the job that its lane runs.
    ///   - pauses: the pauses in force that concern its lane.
    ///   - isSettling: whether a write of the lane has no known outcome.
    ///   - limit: until when Autotask wants no call to the lane's database.
    package func hastening(
        isRunning: Bool,
        pauses: [Pause],
        isSettling: Bool,
        limit: (database: Int64, until: Timestamp)? = nil,
        at now: Timestamp
    ) -> WaitingJobOutcome {
        if isRunning { return .running }
        if let pause = pausedBy?.id ?? pauses.first(where: { $0.scope.holds(kind) })?.id { return .paused(pause) }
        if notBefore.map({ $0 <= now }) ?? true { return .due }
        if isSettling, kind == .sync { return .settling }
        // A reset makes no calls.
        if let limit, limit.until > now, kind != .reset { return .limited(database: limit.database, until: limit.until) }
        return .done
    }
}
