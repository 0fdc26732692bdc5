package import Contract

/// Accepts deliveries as jobs of their lanes.
package protocol JobInbox: Sendable {
    /// Counts a delivery that the broker marks as redelivered, before its content is examined.
    ///
    /// The count ends with ``accept(_:by:at:rules:)`` of the same message.
    ///
    /// - Parameter sha256: the SHA-256 of the body.
    func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery

    /// Accepts the content of a batch of deliveries in order, as one transaction.
    ///
    /// If other jobs wait in a job's lane, ``IntakeRules/admit`` gets a few of its rivals and decides what ends. This is a waiting job that has
    /// not begun, or the arrival itself, which then claims its id like any job. With ``IntakeRules/claims``, jobs that need not wait begin at once.
    ///
    /// - Returns: the outcome of each item, the stored events, and the claimed lanes.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was declared dead or never joined, since no worker would publish its events;
    ///   ``StoreError/Code/keyRetired`` when a payload is sealed under a retired key.
    func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Acceptance

    /// Counts the unfinished jobs, without scheduled checks.
    ///
    /// - Parameter share: the maximum that one lane contributes to ``Backlog/waiting``. To ``Backlog/held`` it contributes at most
    ///   ``Backlog/heldShare(of:)``.
    func backlog(perLane share: Int) async throws(StoreError) -> Backlog
}
