package import Contract

/// The order in which lanes are claimed. Within a rank, their places in line decide.
package enum LaneRank {
    /// A reset or connect is among the unfinished jobs.
    package static let urgent: Int64 = 0
    package static let asked: Int64 = 1
    /// There are only scheduled checks.
    package static let idle: Int64 = 2

    package static func of(_ kind: JobKind, isScheduled: Bool = false) -> Int64 {
        if isScheduled { return idle }
        return kind == .reset || kind == .connect ? urgent : asked
    }

    /// The lowest rank of a lane's unfinished jobs.
    package static func lowest(of jobs: [QueuedJob]) -> Int64 {
        jobs.lazy.map { of($0.kind, isScheduled: $0.isScheduled) }.min() ?? idle
    }

    /// The lowest rank of a lane's unfinished jobs, from counts.
    ///
    /// - Parameters:
    ///   - backlog: how many of them a portal requested.
    ///   - hasUrgent: whether a reset or connect is among them. It is called only if needed.
    package static func lowest(backlog: Int, hasUrgent: () throws -> Bool) rethrows -> Int64 {
        guard backlog > 0 else { return idle }
        return try hasUrgent() ? urgent : asked
    }
}
