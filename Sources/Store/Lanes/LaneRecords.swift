package import Contract

/// Lanes and jobs as operators see them.
package protocol LaneRecords: Sendable {
    /// Returns every lane that the store knows, by tenant and product.
    func lanes() async throws(StoreError) -> [LaneOverview]

    /// Returns one lane, or `nil` if the store does not know it.
    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail?

    /// Returns the jobs with this id; each tenant may have one.
    ///
    /// - Parameter tenant: the job's tenant; `nil` for all tenants, which takes one look-up per tenant.
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord]
}
