import Contract
import Store

/// A lane of which a row cannot be read is set aside, so that all others go on.
extension Transaction {
    /// Takes a lane out of the line, whoever holds it. Nothing is done in it until a worker starts again.
    ///
    /// - Parameter error: why its row, or one of its jobs, cannot be read.
    func setAside(lane id: Int64, because error: any Error) throws {
        let reason = (error as? StoreError)?.message ?? "\(error)"
        let name = try connection.first("SELECT tenant || '/' || product FROM lanes WHERE id = ?", id) { $0.text(0) }
        try connection.run(
            """
            UPDATE lanes SET set_aside = ?, worker = NULL, running = NULL, occupied = NULL, wanted = NULL, turn = NULL, wake_at = NULL
            WHERE id = ?
            """,
            reason,
            id
        )
        setAside.append(SetAside("The integration \(name ?? "\(id)")", because: reason))
    }

    /// Sets the lane of an event aside, as far as there is one: what follows it is not to overtake it.
    func setAside(_ event: UnreadableEvent) throws {
        try connection.run(
            "UPDATE lanes SET set_aside = ?, turn = NULL, wake_at = NULL WHERE tenant = ? AND product = ? AND set_aside IS NULL AND worker IS NULL",
            event.reason,
            event.tenant,
            event.product
        )
        try connection.run(
            "UPDATE lanes SET set_aside = ? WHERE tenant = ? AND product = ? AND set_aside IS NULL",
            event.reason,
            event.tenant,
            event.product
        )
        setAside.append(event.setAside)
    }

    /// Gives lanes that were set aside another try: whatever was the matter may have been mended, or this program may know more.
    func tryAgainWhatWasSetAside(at now: Timestamp) throws {
        try connection.run(
            "UPDATE lanes SET set_aside = NULL, wake_at = CASE WHEN worker IS NULL THEN ? END WHERE set_aside IS NOT NULL",
            now
        )
    }
}

/// A row of the table of lanes that cannot be read.
struct UnreadableLane: Error {
    let id: Int64
    let reason: StoreError

    init(_ id: Int64, _ error: any Error) {
        self.id = id
        reason = error as? StoreError ?? StoreError(.corrupt, "\(error)")
    }
}
