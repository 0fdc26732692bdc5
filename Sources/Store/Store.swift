/// The durable state of the workers; RabbitMQ only transports messages.
///
/// - A delivery is acknowledged once ``JobInbox/accept(_:by:at:rules:)`` has returned.
/// - An accepted job leaves the store only in the transaction of ``LaneClaims/complete(_:with:at:)`` that stores its effect and its
///   terminal event.
/// - Only ``EventOutbox/forgetPublished(_:)`` deletes an event, after the broker confirmed it.
///
/// Every function that changes something is one transaction that is on disk when it returns. Concurrent calls may share a
/// transaction; none sees half of another. The caller passes the time: the store has no clock of its own.
///
/// Every function throws ``StoreError``. The code ``StoreError/Code/fenced`` means that another worker has the lane: stop, and
/// write nothing more to Autotask. Any other code means that nothing was changed.
///
/// Callers use the protocol that they need; a store conforms to all of them.
package protocol Store: EngineStore, OperatorStore {}

/// The functions of a store that an engine uses.
package protocol EngineStore: OpenedStore, WorkerRegistry, JobInbox, LaneClaims, LaneEffects, ScheduledChecks, EventOutbox, RetainedData,
    DeadLetters, LetterOperations
{}

/// The functions of a store that an operator's commands use.
package protocol OperatorStore: OpenedStore, LaneRecords, Pauses, WaitingJobs, DeadLetters, LetterOperations, AuditLog, StoredKeys {}

/// The functions of a store that all its users need.
package protocol OpenedStore: Sendable {
    /// Registers the observer of unreadable rows, which is called once for each (see ``SetAside``).
    func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void)

    /// Finishes pending work and closes the store. Later calls throw.
    func close() async
}

extension OpenedStore {
    /// The default for a store that holds only what this program wrote.
    package func observeSetAside(_ observer: @escaping @Sendable (SetAside) -> Void) {}
}
