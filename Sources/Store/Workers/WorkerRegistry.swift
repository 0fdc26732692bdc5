package import Contract

/// The workers on a store, and their leases.
package protocol WorkerRegistry: Sendable {
    /// Announces a worker whose leases are good until `lease`, and takes over from workers that are gone (see ``renew(_:until:at:)``).
    ///
    /// The age of a sent write depends on clocks, and the clock may have been set before this process began. So what stands as sent, and what
    /// a reset left unsettled, counts as sent no earlier than `now`.
    ///
    /// - Throws: ``StoreError/Code/clockBehind`` when a live worker's clock is ahead by more than ``Clocks/tolerance``: all that share a store
    ///   have to agree on how much time has passed. A worker whose clock is ahead takes over from those that it leaves behind.
    func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Extends the worker's leases, and takes over from workers whose lease is over or that are known to be dead: their lanes become free,
    /// their running jobs waiting again with one more interruption and one attempt less, their unpublished events this worker's.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when this worker itself was taken for dead meanwhile: it has to join again.
    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Takes leave: lanes that the worker still holds become free, and their jobs count as interrupted; those that it put back itself do
    /// not. Its unpublished events stay its own until its lease is over, so that it can publish them yet.
    func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError)
}

/// How far the clocks of workers may differ that share a store.
package enum Clocks {
    /// Leases and settle times have to be longer than what they wait for, by at least this.
    package static let tolerance: Duration = .seconds(10)
}

/// One run of a worker process, never used again: a UUID, say.
package struct WorkerID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What was left behind by workers that are gone.
package struct Takeover: Hashable, Sendable {
    package var lanes: Int
    package var events: Int
    /// When the next lease of another worker is over, if there is one: there may be something to take over then.
    package var nextEnd: Timestamp?

    package init(lanes: Int, events: Int, nextEnd: Timestamp? = nil) {
        self.lanes = lanes
        self.events = events
        self.nextEnd = nextEnd
    }
}
