package import Contract

/// The workers on a store, and their leases.
package protocol WorkerRegistry: Sendable {
    /// Registers a worker whose lease lasts until `lease`, and takes over from workers that are gone (see ``renew(_:until:at:)``).
    ///
    /// The age of a sent write depends on clocks, and the clock may have been set before this process began. So sent writes, and writes that
    /// a reset left unresolved, count as sent no earlier than `now`.
    ///
    /// - Throws: ``StoreError/Code/clockBehind`` when a live worker's clock is ahead by more than ``Clocks/tolerance``: workers that share a
    ///   store must agree on how much time has passed. A worker whose clock is ahead takes over from those that are behind.
    func join(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Extends the worker's lease, and takes over from workers whose lease is over or that are known to be dead. Their lanes become free. Their
    /// running jobs wait again, with one more interruption and one attempt less. Their unpublished events now belong to this worker.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when this worker itself was declared dead meanwhile: it must join again.
    func renew(_ worker: WorkerID, until lease: Timestamp, at now: Timestamp) async throws(StoreError) -> Takeover

    /// Ends a worker's work: lanes that it still holds become free, and their jobs count as interrupted. Jobs that it put back itself do
    /// not. Its unpublished events stay its own until its lease is over, so that it can still publish them.
    func leave(_ worker: WorkerID, at now: Timestamp) async throws(StoreError)

    /// Replaces what is stored of a worker's barriers, at most ``CallBarrier/limit`` of them.
    ///
    /// - Throws: ``StoreError/Code/fenced`` when the worker was declared dead, or never joined.
    func replaceBarriers(of worker: WorkerID, with barriers: [CallBarrier], at now: Timestamp) async throws(StoreError)

    /// Returns the barriers in force, of all workers. Barriers that Autotask asked for are there even if their worker is gone.
    func barriers(at now: Timestamp) async throws(StoreError) -> [CallBarrier]
}

/// How far the clocks of workers that share a store may differ.
package enum Clocks {
    /// Leases and settle times must exceed what they wait for by at least this.
    package static let tolerance: Duration = .seconds(10)
}

/// The id of one run of a worker process, never used twice: for example a UUID.
package struct WorkerID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What a worker took over from workers that are gone.
package struct Takeover: Hashable, Sendable {
    package var lanes: Int
    package var events: Int
    /// When the next lease of another worker ends, if there is one. There may be something to take over then.
    package var nextEnd: Timestamp?
    /// Whether the store has pauses. A renewal finds out, so that a worker without a free slot knows it too.
    package var hasPauses = false
    /// Whether there are operations over dead letters to carry out. Only a renewal looks.
    package var hasOperations: Bool

    package init(lanes: Int, events: Int, nextEnd: Timestamp? = nil, hasOperations: Bool = false) {
        self.lanes = lanes
        self.events = events
        self.nextEnd = nextEnd
        self.hasOperations = hasOperations
    }
}
