package import Contract
package import Store

extension Completion {
    /// The end of a claim of which no history is kept.
    ///
    /// - Parameter now: when the attempt ended.
    package init(
        _ ending: Attempt.Ending,
        events: [Event],
        changes: LaneChanges = LaneChanges(),
        apiCalls: Int = 0,
        at now: Timestamp? = nil
    ) {
        self.init(Attempt(ended: now ?? Bench.start, ending, apiCalls: apiCalls), events: events, changes: changes)
    }
}
