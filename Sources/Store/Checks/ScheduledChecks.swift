package import Contract

/// Enters checks that no portal requests.
package protocol ScheduledChecks: Sendable {
    /// Enters the due checks, longest due first, and chooses the next times for their lanes. It is one transaction, so only one worker of a
    /// fleet enters a check.
    ///
    /// Every lane with a connection has a time for each kind; a missing one is chosen. If a check is not useful
    /// (``CheckRound/Check/isOf(use:)``), its time moves on and nothing is entered. The time stays while the lane has an unfinished job: a
    /// check that waits behind a deferred job would keep other checks from being entered.
    ///
    /// - Returns: how many checks were entered.
    func enterChecks(_ round: CheckRound, at now: Timestamp) async throws(StoreError) -> Int
}
