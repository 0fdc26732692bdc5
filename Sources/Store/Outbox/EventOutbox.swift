/// Events that the broker has not confirmed yet.
package protocol EventOutbox: Sendable {
    /// Sets the observer of events that transactions of this process store. It gets them in the order of their positions, once they
    /// are on disk and before the call that stored them returns. This keeps the events of a lane in order, because the tasks that
    /// wait for those calls continue in any order.
    ///
    /// - Parameter observer: called on the store's own thread; it must return quickly. It replaces an earlier one.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void)

    /// Returns this worker's unconfirmed events after a position, oldest first: at most `limit`, and fewer if their data is long. None are
    /// returned only if there are none.
    func unpublished(of worker: WorkerID, after position: Int64, limit: Int) async throws(StoreError) -> [OutboxEntry]

    /// Deletes events that the broker has confirmed.
    func forgetPublished(_ positions: [Int64]) async throws(StoreError)
}
