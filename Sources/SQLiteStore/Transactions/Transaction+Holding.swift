import Contract
import Store

/// Lets pauses act on the lanes in line without a free slot.
extension Transaction {
    /// The maximum number of lanes in line that one call looks at.
    private static let holdReach = 512

    /// Offers the lanes in line that a pause in force concerns, at most ``Pause/lanesPerClaim`` that change.
    func holdInLine(
        for request: ClaimRequest,
        at now: Timestamp,
        decide: (LaneSnapshot) -> LaneDecision,
        into result: inout ClaimResult
    ) throws {
        guard try isPausing() else { return }
        let scopes = Set(try connection.pauses(at: now).map(\.scope))
        guard !scopes.isEmpty else { return }
        let rows = connection.jobRows
        var last = request.after ?? .head
        var looked = 0
        while true {
            let lanes = try connection.lanesInLine(after: last, limit: Transaction.page)
            for lane in lanes {
                guard looked < Transaction.holdReach, connection.jobRows - rows < Transaction.rowLimit,
                    result.events.count < Transaction.endLimit, heldLanes + result.claims.count < Pause.lanesPerClaim
                else {
                    result.last = last
                    result.hasMore = true
                    return
                }
                looked += 1
                switch lane {
                case .success(let row):
                    last = row.hold.place
                    guard try connection.isConcerned(row, by: scopes) else { continue }
                    _ = try claimIfReadable(
                        row,
                        hasPlace: hasPlace(row, request),
                        for: request,
                        at: now,
                        decide: decide,
                        into: &result
                    )
                case .failure(let lane): try setAside(lane: lane.id, because: lane.reason)
                }
            }
            if lanes.count < Transaction.page { return }
        }
    }
}

extension StoreConnection {
    /// Whether one of the scopes concerns a lane. Only a scope of a zone needs its connection.
    fileprivate func isConcerned(_ row: LaneRow, by scopes: Set<PauseScope>) throws -> Bool {
        let hasZone = scopes.contains { if case .zone = $0 { true } else { false } }
        let place = hasZone ? try pausePlace(of: row) : PausePlace(row.lane, database: row.hold.database, apiURL: nil)
        return place.scopes.contains { scopes.contains($0) }
    }
}
