/// Events on their way to the broker.
package protocol EventOutbox: Sendable {
    /// Names who takes the events that transactions of this process store. They are handed over in the order of their positions, once they
    /// are on disk and before the call that stored them returns: only so do the events of a lane reach the broker in their order, since
    /// the tasks that wait for those calls go on in any order.
    ///
    /// - Parameter observer: called on the store's own thread; it must return quickly. It replaces an earlier one.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void)

    /// Events of this worker that were not confirmed yet, oldest first, after a position.
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry]

    /// Forgets events that the broker has confirmed.
    func forgetPublished(_ positions: [Int64]) async throws(StoreError)
}
