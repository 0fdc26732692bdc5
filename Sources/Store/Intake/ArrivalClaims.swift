package import Contract

/// Claims lanes in the transaction that accepts their jobs, if the caller has free slots and nobody waits for one.
///
/// A lane is claimed if no lane is in line or due, no pause exists, the batch has no more items than there are free slots, and the job is the only
/// unfinished one of a lane that is free, and the only one of the batch. All other lanes join the line. A claim right after the transaction
/// would decide the same, by the same function, but would write and read the rows once more.
package struct ArrivalClaims: Sendable {
    /// Its limit is the number of free slots. The lanes are the accepting worker's.
    package var request: ClaimRequest
    /// The decision of every claim. A repeated transaction calls it again.
    package var decide: @Sendable (LaneSnapshot) -> LaneDecision

    package init(request: ClaimRequest, decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision) {
        self.request = request
        self.decide = decide
    }

    /// The lanes for which a batch has one item, if there are enough slots for the batch.
    package func candidates(among items: [IntakeItem]) -> Set<Lane> {
        guard items.count <= request.limit else { return [] }
        var seen: [Lane: Bool] = [:]
        for case let lane? in items.lazy.map(\.key?.lane) { seen[lane] = seen[lane] == nil }
        return Set(seen.lazy.filter(\.value).map(\.key))
    }
}

extension LaneDecision {
    /// How to run the only job of a lane; `nil` if it does not run now, or if there is more to do.
    package func runsAlone(_ order: Int64) -> RunMode? {
        let endsNothing = settlements.isEmpty && dropped.isEmpty && raised.isEmpty
        guard endsNothing, holds.isEmpty, committed == nil, case .run(order, let mode) = next else { return nil }
        return mode
    }
}
