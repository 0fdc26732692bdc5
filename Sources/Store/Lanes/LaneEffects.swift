package import Contract

/// What a job asks and changes while it runs: all that a handler needs of a store.
package protocol LaneEffects: Sendable {
    /// Names the Autotask database that a connect in progress is going to talk to, so that the lane counts among that database's.
    ///
    /// - Returns: whether there was a place. If not, the job has to be put back with ``Attempt/Ending/postponed``: the lane is claimed again
    ///   when there is a place.
    func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool

    /// Which of these services in an Autotask database are linked to another lane that is connected to it: by a binding, or by a write
    /// that is on record.
    ///
    /// - Parameter ids: few; `nil` for all.
    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64>

    /// Records the intention to link services to the lane. Nothing is recorded where one of them is linked to another lane
    /// (``linkedServices(_:in:besides:)``), or where a write of another plan of this lane is about it.
    ///
    /// It is one transaction: of two lanes that want one service at the same moment, one gets it. The link lasts as long as the entries, or the
    /// bindings that take their place. An entry of which nothing was sent ends with the plan's last
    /// unfinished sync, however that ends.
    ///
    /// The transaction reads the bindings and the journal of the lanes that are connected to the database, and one column of all lanes.
    ///
    /// - Parameter entries: with ``JournalEntry/State/intended`` and the ids of the services; few.
    func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome

    /// Services of a lane that are bound to one in Autotask, of all its plans, in the order of plan and key. One with an unsettled write is
    /// left out.
    ///
    /// - Parameters:
    ///   - after: go on behind it; `nil` from the beginning.
    ///   - limit: a lane may have any number of them.
    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding]

    /// The services of a lane, of all its plans, that are bound to these in Autotask.
    ///
    /// - Parameter ids: few.
    func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding]

    /// Records the state of writes to Autotask: called before each, and with the outcome after it. An entry replaces the one of its service.
    ///
    /// - Parameter notes: the audit log gets a row for each, in the same transaction: for `sent` before the write leaves.
    /// - Returns: whether a reset waits for this lane: then the batch stops at this service boundary, before the write.
    func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> Bool
}
