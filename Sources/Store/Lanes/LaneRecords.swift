package import Contract

/// Lanes and jobs as operators see them.
package protocol LaneRecords: Sendable {
    /// Returns selected lanes after one, in the order of tenant and product.
    func lanes(_ selection: LaneSelection, after lane: Lane?, limit: Int) async throws(StoreError) -> LanePage

    /// Returns one lane, or `nil` if the store does not know it.
    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail?

    /// Returns a lane as a claim would find it now; `nil` if the store does not know it.
    func situation(of lane: Lane, at now: Timestamp) async throws(StoreError) -> LaneSituation?

    /// Returns whether the broker has not confirmed an event yet: `nil` once it has.
    func unconfirmed(_ event: OrderedEvent) async throws(StoreError) -> UnconfirmedEvent?

    /// Counts the unfinished jobs by the cause for which they wait. Each read looks at a bounded number of lanes.
    func waiting(at now: Timestamp) async throws(StoreError) -> WaitingTable

    /// Returns the jobs with this id; each tenant may have one.
    ///
    /// - Parameter tenant: the job's tenant; `nil` for all tenants, which takes one look-up per tenant.
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord]

    /// Returns selected jobs before a place, the newest first.
    ///
    /// - Parameters:
    ///   - cursor: a ``JobFinding/next`` of the same selection; `nil` for the newest job.
    ///   - reach: how many jobs to look at.
    func jobs(_ selection: JobSelection, before cursor: JobCursor?, limit: Int, looking reach: Int) async throws(StoreError) -> JobFinding

    /// Returns failed jobs before a place, the latest end first.
    ///
    /// - Parameters:
    ///   - since: jobs that ended at this time or later.
    ///   - cursor: the place, with the time of its end; `nil` for the newest job.
    func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) async throws(StoreError) -> [FailedJob]
}
