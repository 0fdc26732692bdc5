package import Contract

/// Lanes are claimed for a job, and given back with its outcome.
package protocol LaneClaims: Sendable {
    /// Claims lanes that are free and have something to do, as many as `limit`: those headed by a reset or connect first, those that have only
    /// checks of the worker's own last, each in turn.
    ///
    /// `decide` gets the unfinished jobs of a lane, or a part if they are many (``LaneSnapshot``), and decides about them. For a part
    /// it may be called a second time, with the other jobs that have to end before the job that it wants to run. A call reads a bounded
    /// number of rows and ends a bounded number of jobs: ``ClaimResult/hasMore`` reports whether there is more.
    ///
    /// The call carries out settlements and marks the job to run as running with one attempt more, all in one transaction before any work. A
    /// lane whose decision is to wait stays free and is not offered again before its time. A job that was interrupted twice or more is only
    /// claimed while no other such job runs anywhere. At most ``ClaimRequest/maximumLanesPerDatabase`` lanes of one Autotask database are held
    /// at once.
    ///
    /// A free lane with a job whose ``QueuedJob/deadline`` has come is offered ahead of all others, wherever it stands and even if there is no
    /// place at its database: then it is claimed only to conclude a job (``RunMode/conclude(_:)``), and takes no place.
    ///
    /// - Parameter decide: a pure function; it may be called again when the transaction is.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was taken for dead, or never joined.
    func claim(
        _ request: ClaimRequest,
        at now: Timestamp,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision
    ) async throws(StoreError) -> ClaimResult

    /// Ends the claim: effect, events and the job's new state in one transaction, and a row of the audit log for the attempt.
    ///
    /// - Returns: the events that were stored, with their places in the sequence.
    /// - Throws: ``StoreError/Code/unexpected`` for events that do not fit the attempt's end (see ``Completion/events``);
    ///   ``StoreError/Code/keyRetired`` when the lane's new key is wrapped by one that was retired. The claim stays.
    func complete(_ claim: ClaimToken, with completion: Completion, at now: Timestamp) async throws(StoreError) -> [OutboxEntry]
}
