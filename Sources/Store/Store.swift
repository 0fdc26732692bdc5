/// What the worker remembers. RabbitMQ is the road, the store is the memory: a delivery is acknowledged once
/// ``JobInbox/accept(_:by:at:rules:)`` has returned, an accepted job leaves the store only in the transaction of
/// ``LaneClaims/complete(_:with:at:)`` that holds its effect and its terminal event, and an event is forgotten only by
/// ``EventOutbox/forgetPublished(_:)``, after the broker confirmed it.
///
/// Every function that changes something is one transaction that is on disk when it returns. Functions that are called at the same time
/// may share a transaction; none sees another's half. Time is the caller's: the store has no clock of its own.
///
/// Every function throws ``StoreError``. One whose code is ``StoreError/Code/fenced`` means that the lane is another's by now: stop, and
/// write nothing more to Autotask. Any other means that nothing was changed.
///
/// Callers take the part that they need: a store is all of them.
package protocol Store: EngineStore, OperatorStore {}

/// What an engine works on.
package protocol EngineStore: OpenedStore, WorkerRegistry, JobInbox, LaneClaims, LaneEffects, ScheduledChecks, EventOutbox, RetainedData {}

/// What an operator's commands look at and change.
package protocol OperatorStore: OpenedStore, LaneRecords, DeadLetters, AuditLog, StoredKeys {}

/// A store as a resource, whoever uses it.
package protocol OpenedStore: Sendable {
    /// Registers the observer of unreadable rows, which is called once for each (see ``SetAside``).
    func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void)

    /// Finishes what is under way and closes. Later calls throw.
    func close() async
}

extension OpenedStore {
    /// For a store that holds nothing but what this program wrote.
    package func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void) {}
}
