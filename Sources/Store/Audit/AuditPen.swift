/// Writes rows behind the end of a log, within one transaction.
///
/// If that end is not as it was left, it says so in a row of its own and goes on: the worker's work does not wait for an investigation, and what
/// was done to the log stays found out.
package struct AuditPen {
    private let chain: AuditChain
    private var place: AuditPlace
    private var isBroken: Bool
    /// How many jobs had been accepted when the log began; `nil` where it has begun.
    private let jobs: Int64?

    /// A log that has not begun.
    package init(_ chain: AuditChain, beginningAfter jobs: Int64) {
        self.chain = chain
        self.jobs = jobs
        place = .start
        isBroken = false
    }

    /// - Parameters:
    ///   - head: as it is stored; `nil` if there is none, although there are rows.
    ///   - last: the last row's place; asked for only where the head does not hold.
    package init(_ chain: AuditChain, behind head: AuditMark?, last: () throws -> AuditPlace) rethrows {
        self.chain = chain
        jobs = nil
        if let head, head.end == .head, chain.vouches(for: head) {
            place = head.place
            isBroken = false
        } else {
            let last = try last()
            // A number that was given out is not given out again.
            place = AuditPlace(number: max(last.number, head?.place.number ?? 0), mac: last.mac)
            isBroken = true
        }
    }

    /// The rows in which an entry is told: itself, and before it what has to be told of the log.
    package mutating func rows(telling entry: AuditEntry) -> [AuditRow] {
        var rows: [AuditRow] = []
        if isBroken {
            rows.append(chain.row(AuditEntry(brokenAt: place, like: entry), after: place))
            isBroken = false
        } else if place == .start, let jobs {
            rows.append(chain.row(AuditEntry(beginningAfter: jobs, like: entry), after: place))
        }
        rows.append(chain.row(entry, after: rows.last?.place ?? place))
        if let last = rows.last { place = last.place }
        return rows
    }

    /// The end of the log, with what was written.
    package var head: AuditMark { chain.mark(place, as: .head) }
}
