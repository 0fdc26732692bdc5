package import Contract

/// The pauses of a store.
///
/// A worker's next claim holds what a new pause concerns, and releases what an ended one held, in at most ``Pause/lanesPerClaim`` lanes and
/// ``Pause/jobsPerClaim`` jobs a transaction.
package protocol Pauses: Sendable {
    /// Returns the pauses in force, in the order of their ids.
    func pauses(at now: Timestamp) async throws(StoreError) -> [Pause]

    /// Begins a pause. One of the same scope that is in force ends.
    ///
    /// - Returns: the pause; `nil` if ``Pause/limit`` pauses are in force.
    func pause(_ order: PauseOrder, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause?

    /// Ends a pause before its time.
    ///
    /// - Returns: the pause; `nil` if none of this id is in force.
    func endPause(_ id: Int64, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Pause?
}

/// A pause that an operator orders.
package struct PauseOrder: Hashable, Sendable {
    package var scope: PauseScope
    package var reason: String
    package var end: Timestamp

    package init(_ scope: PauseScope, because reason: String, until end: Timestamp) {
        self.scope = scope
        self.reason = reason
        self.end = end
    }
}
