package import Contract

/// Claims lanes for jobs, and releases them with the jobs' outcomes.
package protocol LaneClaims: Sendable {
    /// Claims at most `limit` free lanes that have work, in turn. Lanes with a reset or connect come first, lanes with only scheduled checks
    /// last.
    ///
    /// `decide` gets the unfinished jobs of a lane, or a part if there are many (``LaneSnapshot``), and decides about them. For a part
    /// it may be called a second time, with the other jobs that must end before the job that it wants to run. A call reads a bounded
    /// number of rows and ends a bounded number of jobs: ``ClaimResult/hasMore`` reports whether there is more.
    ///
    /// The call carries out settlements, marks the chosen job as running and counts the attempt, all in one transaction before any work. A
    /// lane whose decision is to wait stays free and is not offered again before its time. A job that was interrupted twice or more is only
    /// claimed while no other such job runs anywhere. At most ``ClaimRequest/maximumLanesPerDatabase`` lanes of one Autotask database are held
    /// at once.
    ///
    /// A free lane with a job whose ``QueuedJob/deadline`` has come is offered before all others, regardless of its turn. Without a place at its
    /// database it is claimed only to conclude a job (``RunMode/conclude(_:)``), and takes no place.
    ///
    /// A call with the limit 0 needs no free slot. While pauses are in force, it offers lanes in line that one of them concerns, also those
    /// without a place at their database. It holds and ends their jobs, and claims a lane only to conclude a job
    /// (``LaneDecision/withoutWork``). It changes at most ``Pause/lanesPerClaim`` lanes, and reports by ``ClaimResult/last`` where the next
    /// call goes on.
    ///
    /// - Parameter decide: a pure function. A repeated transaction calls it again.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was declared dead, or never joined.
    func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult

    /// Ends the claim. One transaction stores the effect, the events, the job's new state and the attempt's row in the audit log.
    ///
    /// - Returns: the stored events, with their places in the sequence.
    /// - Throws: ``StoreError/Code/unexpected`` for events that do not fit the attempt's end (see ``Completion/events``);
    ///   ``StoreError/Code/keyRetired`` when the lane's new key is wrapped with a retired key. The claim stays.
    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry]
}
