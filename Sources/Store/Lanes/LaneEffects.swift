package import Contract

/// The functions of a store that handlers use while a job runs.
package protocol LaneEffects: Sendable {
    /// Takes a place for the lane at the Autotask database that a connect is about to call.
    ///
    /// - Returns: whether there was a place. If not, the job must be put back with ``Attempt/Ending/postponed``: the lane is claimed again
    ///   when there is a place.
    func occupy(database: Int64, under claim: ClaimToken, limit: Int, at now: Timestamp) async throws(StoreError) -> Bool

    /// Returns those of the services that are linked to another lane of the same Autotask database. A binding or a write in the
    /// journal links a service.
    ///
    /// - Parameter ids: a few services; `nil` for all.
    func linkedServices(_ ids: [Int64]?, in database: Int64, besides lane: Lane) async throws(StoreError) -> Set<Int64>

    /// Records the intention to link services to the lane. It records nothing if one of them is linked to another lane
    /// (``linkedServices(_:in:besides:)``), or if another plan of this lane has a write for it.
    ///
    /// It is one transaction: if two lanes want a service at the same time, one of them gets it. The link lasts as long as the entries, or the
    /// bindings that replace them. An entry that was never sent ends with the plan's last unfinished sync, however that sync ends.
    ///
    /// The transaction reads the bindings and the journal of the lanes that are connected to the database, and one column of all lanes.
    ///
    /// - Parameter entries: a few entries in the state ``JournalEntry/State/intended``, with the ids of the services.
    func link(
        _ entries: [JournalEntry],
        in database: Int64,
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> LinkOutcome

    /// Returns the services of all the lane's plans that are bound to one in Autotask, in the order of plan and key. Services with an
    /// unresolved write are left out.
    ///
    /// - Parameters:
    ///   - after: the service to continue after; `nil` for the beginning.
    ///   - limit: the maximum number; a lane may have any number of services.
    func boundServices(of lane: Lane, after: ServiceKey?, limit: Int) async throws(StoreError) -> [ServiceBinding]

    /// Returns the services of all the lane's plans that are bound to these services in Autotask.
    ///
    /// - Parameter ids: a few services in Autotask.
    func bindings(to ids: [Int64], in lane: Lane) async throws(StoreError) -> [ServiceBinding]

    /// Records the state of writes to Autotask, before each write and with its outcome. An entry replaces the one of its service.
    ///
    /// - Parameter notes: notes for the audit log. Each gets a row in the same transaction; for `sent`, this precedes the write.
    /// - Returns: why the batch stops at this service, before the write; `nil` if it continues.
    func journal(
        _ entries: [JournalEntry],
        notes: [AuditNote],
        under claim: ClaimToken,
        at now: Timestamp
    ) async throws(StoreError) -> BatchStop?
}
