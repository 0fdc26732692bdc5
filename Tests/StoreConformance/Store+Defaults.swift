package import Contract
package import Store

/// A store's calls with the arguments of most tests.
extension Store {
    /// Accepts items whose arrival ends no other job.
    package func accept(
        _ items: [IntakeItem],
        by worker: WorkerID,
        at now: Timestamp,
        conflict: @escaping @Sendable (IntakeItem) -> Event
    ) async throws(StoreError) -> Acceptance {
        try await accept(items, by: worker, at: now, rules: IntakeRules(laneLimit: .max, admit: { _ in Admission() }, conflict: conflict))
    }

    /// The unfinished jobs of all lanes.
    package func backlog() async throws(StoreError) -> Int { try await backlog(perLane: .max).total }

    /// Records writes without rows of the audit log.
    package func journal(_ entries: [JournalEntry], under claim: ClaimToken, at now: Timestamp) async throws(StoreError) -> BatchStop? {
        try await journal(entries, notes: [], under: claim, at: now)
    }

    /// The first ten dead letters, the oldest first, as `dead-letters list` reads them.
    package func deadLetters() async throws(StoreError) -> [DeadLetter] {
        try await letters(.all, after: 0, limit: 10).map(\.letter)
    }

    /// All lanes, by tenant and product.
    package func lanes() async throws(StoreError) -> [LaneOverview] { try await lanes(.all, after: nil, limit: .max).lanes }

    /// The newest rows of the whole audit log that are selected.
    package func auditRows(_ selection: AuditSelection, newest limit: Int) async throws(StoreError) -> [AuditRow] {
        try await auditRows(selection, before: nil, newest: limit, looking: .max).rows
    }

    /// Records messages without their bodies.
    package func record(_ letters: [DeadLetter]) async throws(StoreError) -> Int { try await record(letters.map { CollectedLetter($0) }) }

    /// Erases data that is old enough, with the default retention.
    package func prune(at now: Timestamp) async throws(StoreError) { try await prune(at: now, keeping: Retention()) }
}
