/// Appends rows to a log within one transaction.
///
/// If somebody changed the end of the log, it records that in a separate row and continues. Work does not wait for an investigation, and the
/// evidence stays in the log.
package struct AuditPen {
    private let chain: AuditChain
    private var place: AuditPlace
    private var isBroken: Bool
    /// How many jobs had been accepted when the log began; `nil` for a log with rows.
    private let jobs: Int64?

    /// Creates a pen for an empty log.
    package init(_ chain: AuditChain, beginningAfter jobs: Int64) {
        self.chain = chain
        self.jobs = jobs
        place = .start
        isBroken = false
    }

    /// - Parameters:
    ///   - head: the stored head; `nil` if it is missing although there are rows.
    ///   - last: returns the last row's place. It is called only if the head is not valid.
    package init(_ chain: AuditChain, behind head: AuditMark?, last: () throws -> AuditPlace) rethrows {
        self.chain = chain
        jobs = nil
        if let head, head.end == .head, chain.vouches(for: head) {
            place = head.place
            isBroken = false
        } else {
            let last = try last()
            // A number is never used twice.
            place = AuditPlace(number: max(last.number, head?.place.number ?? 0), mac: last.mac)
            isBroken = true
        }
    }

    /// Returns the rows to write for an entry: a row about the log itself if one is due, then the entry.
    package mutating func rows(for entry: AuditEntry) -> [AuditRow] {
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

    /// The end of the log, new rows included.
    package var head: AuditMark { chain.mark(place, as: .head) }
}
