package import Contract

/// Checks that the worker makes without a portal's request.
package protocol ScheduledChecks: Sendable {
    /// Enters the checks that are due, those that have been due for longest first, and chooses when the next of their lanes is due, in one
    /// transaction: of a fleet on one store, one makes them.
    ///
    /// Every lane with a connection has a moment for each kind, chosen where there is none yet. It is moved on, and nothing entered, where a
    /// look would be of no use (``CheckRound/Check/isOf(use:)``). It stays as long as the lane has anything unfinished: a check that waited behind a
    /// job that has to be tried again would keep others' from being made.
    ///
    /// - Returns: how many were entered.
    func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int
}
