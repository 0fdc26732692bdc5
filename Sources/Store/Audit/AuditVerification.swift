/// What is wrong with a log: the first thing that does not fit, from its beginning on.
package enum AuditFault: Hashable, Sendable {
    /// Something stands in the row that was not written there.
    case changed(Int64)
    case missing(ClosedRange<Int64>)
    /// The row was put before the one behind it, from elsewhere in the log or from outside.
    case inserted(Int64)
    /// The row was changed, put there, or moved, or the one before it was.
    case doesNotFit(Int64)
    /// The rows up to this one are missing at the beginning, and nobody who has the key took them away.
    case beginningCut(upTo: Int64)
    /// The rows behind this one are missing at the end.
    case truncated(after: Int64, head: Int64)
    /// What marks an end of the log was not written by the worker.
    case markForged(AuditMark.End)
    /// The mark of the end is an older one than the rows.
    case headBehind(Int64, last: Int64)
    /// There are rows, and no mark of their end.
    case headMissing
    /// The worker found the end changed when it wrote this row.
    case brokenBefore(Int64)
    /// There is neither a row nor a mark, although there have to be.
    case gone

    /// What it means.
    package var description: String {
        switch self {
        case .changed(let number): "Row \(number) was changed."
        case .missing(let numbers) where numbers.count == 1: "Row \(numbers.lowerBound) was removed."
        case .missing(let numbers): "Rows \(numbers.lowerBound) to \(numbers.upperBound) were removed."
        case .inserted(let number): "Row \(number) was inserted, or moved there."
        case .doesNotFit(let number): "Row \(number) does not fit: it was changed, inserted or moved, or the one before it was removed."
        case .beginningCut(let number): "The rows up to \(number) were removed."
        case .truncated(let last, let head): "The log was truncated: it ends with row \(last), and it had \(head)."
        case .markForged(let end):
            "The mark of the log's \(end == .head ? "end" : "beginning") was changed, or the key ring is another one."
        case .headBehind(let head, let last):
            "The mark of the log's end was replaced by an older one: it says \(head), and there are \(last)."
        case .headMissing: "The mark of the log's end was removed."
        case .gone: "There is no row and no mark: the whole log was removed."
        case .brokenBefore(let number):
            "The log's end had been changed before row \(number) was written: rows are missing there, or the mark was."
        }
    }

    /// The row to look at first; `nil` where none is to blame.
    package var row: Int64? {
        switch self {
        case .changed(let number), .inserted(let number), .doesNotFit(let number), .brokenBefore(let number): number
        case .missing(let numbers): numbers.lowerBound
        case .beginningCut(let number): number
        case .truncated(let last, _): last + 1
        case .headBehind(_, let last): last
        case .markForged, .headMissing, .gone: nil
        }
    }
}

/// Reads a log from its beginning to its end, row by row, and finds the first that does not fit.
package struct AuditVerification {
    private let chain: AuditChain
    /// The last row that fits.
    package private(set) var place: AuditPlace
    /// Rows that fit.
    package private(set) var count = 0
    /// A row that does not fit: what the next one says of it tells why.
    private var suspect: AuditRow?
    private var fault: AuditFault?

    /// - Parameter anchor: of the log; `nil` while nothing was forgotten.
    package init(_ chain: AuditChain, from anchor: AuditMark?) {
        self.chain = chain
        place = anchor?.place ?? .start
        if let anchor, anchor.end != .anchor || !chain.vouches(for: anchor) { fault = .markForged(.anchor) }
    }

    /// Begins in the midst of a log, behind a row that is taken for granted.
    package init(_ chain: AuditChain, behind row: AuditRow) {
        self.chain = chain
        place = row.place
    }

    /// Whether there is nothing more to be found out.
    package var isOver: Bool { fault != nil }

    package mutating func take(_ row: AuditRow) {
        guard fault == nil else { return }
        if let suspect { return judge(suspect, by: row) }
        guard row.number == place.number + 1 else {
            fault = row.number <= place.number ? .doesNotFit(row.number) : gap(before: row)
            return
        }
        guard chain.fits(row, after: place) else {
            suspect = row
            return
        }
        if row.entry.action == AuditEntry.Action.logBroken.rawValue {
            fault = .brokenBefore(row.number)
            return
        }
        place = row.place
        count += 1
    }

    private func gap(before row: AuditRow) -> AuditFault {
        count == 0 && place.number == 0 ? .beginningCut(upTo: row.number - 1) : .missing(place.number + 1...row.number - 1)
    }

    private mutating func judge(_ suspect: AuditRow, by next: AuditRow) {
        if chain.fits(next, after: suspect.place) {
            // The next one was chained to the code that stands there: only what it covers is other than it was.
            fault = .changed(suspect.number)
        } else if chain.fits(next, as: suspect.number, after: place.mac) {
            fault = .inserted(suspect.number)
        } else {
            fault = .doesNotFit(suspect.number)
        }
    }

    /// Whether the log holds, now that all of it was read.
    ///
    /// - Parameter head: of the log.
    /// - Returns: the first thing that does not fit; `nil` if everything does.
    package mutating func end(at head: AuditMark?) -> AuditFault? {
        if let fault { return fault }
        if let suspect {
            // It is the last one. If it is the one that the end was marked with, only what its code covers is other than it was.
            let isMarked = head.map { $0.place == suspect.place && chain.vouches(for: $0) } ?? false
            return isMarked ? .changed(suspect.number) : .doesNotFit(suspect.number)
        }
        guard let head else { return place == .start ? nil : .headMissing }
        guard head.end == .head, chain.vouches(for: head) else { return .markForged(.head) }
        if head.place.number > place.number { return .truncated(after: place.number, head: head.place.number) }
        if head.place.number < place.number { return .headBehind(head.place.number, last: place.number) }
        return head.place == place ? nil : .doesNotFit(place.number)
    }
}

/// What was found when a log was verified.
package struct AuditReport: Hashable, Sendable {
    package var fault: AuditFault?
    /// How many rows fit, from the beginning of what was looked at.
    package var count: Int
    package var head: AuditMark?
    package var anchor: AuditMark?

    package init(fault: AuditFault?, count: Int, head: AuditMark?, anchor: AuditMark?) {
        self.fault = fault
        self.count = count
        self.head = head
        self.anchor = anchor
    }
}
