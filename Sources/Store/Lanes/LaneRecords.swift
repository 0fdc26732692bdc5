package import Contract

/// What an operator looks at of lanes and jobs.
package protocol LaneRecords: Sendable {
    /// Every lane that the store knows, by tenant and product.
    func lanes() async throws(StoreError) -> [LaneOverview]

    /// One lane, or `nil` when the store knows nothing of it.
    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail?

    /// Jobs with this id: each tenant may have one.
    ///
    /// - Parameter tenant: whose it is; `nil` for every tenant's, which takes looking through all ids.
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord]
}
