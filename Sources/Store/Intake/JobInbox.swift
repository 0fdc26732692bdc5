package import Contract

/// Where deliveries become jobs of their lanes.
package protocol JobInbox: Sendable {
    /// Counts one more delivery of a message that the broker marks as redelivered, before anything of it is looked at.
    ///
    /// - Parameter sha256: of the body.
    /// The count ends with ``accept(_:by:at:rules:)`` of the same message.
    func countRedelivery(sha256: [UInt8], at now: Timestamp) async throws(StoreError) -> CountedRedelivery

    /// Takes in what a batch of deliveries held, in its order, as one transaction.
    ///
    /// Where others wait in a job's lane, ``IntakeRules/admit`` is shown a few of its rivals and says what ends: a job that waits and was not
    /// begun, or the arrival itself, which then claims its id like any job.
    ///
    /// - Returns: what became of each item, and the events that were stored.
    /// - Throws: ``StoreError/Code/fenced`` when the worker was taken for dead, or never joined: nobody would publish its events;
    ///   ``StoreError/Code/keyRetired`` when a payload is sealed under a key that was retired.
    func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        rules: IntakeRules
    ) async throws(StoreError) -> Intake

    /// How many jobs are accepted and not finished, the worker's own checks not counted.
    ///
    /// - Parameter share: no lane counts for more.
    func backlog(perLane share: Int) async throws(StoreError) -> Int
}
