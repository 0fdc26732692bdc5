import Contract
import Store

/// Sets lanes with unreadable rows aside, so that all other lanes continue.
extension Transaction {
    /// Takes a lane out of the line, even if a worker holds it. None of its jobs runs until a worker starts again.
    ///
    /// - Parameter error: why its row or one of its jobs cannot be read.
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

    /// Sets the lane of an event aside, if it has one, so that later events do not overtake it.
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

    /// Retries lanes that were set aside: the row may have been repaired, or this version may be able to read it.
    func tryAgainWhatWasSetAside(at now: Timestamp) throws {
        try connection.run(
            "UPDATE lanes SET set_aside = NULL, wake_at = CASE WHEN worker IS NULL THEN ? END WHERE set_aside IS NOT NULL",
            now
        )
    }
}

/// An unreadable row of the table `lanes`.
struct UnreadableLane: Error {
    let id: Int64
    let reason: StoreError

    init(_ id: Int64, _ error: any Error) {
        self.id = id
        reason = error as? StoreError ?? StoreError(.corrupt, "\(error)")
    }
}
