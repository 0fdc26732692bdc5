/// The first fault of a log, from its beginning.
package enum AuditFault: Hashable, Sendable {
    /// The content of the row was changed.
    case changed(Int64)
    case missing(ClosedRange<Int64>)
    /// The row was inserted, from elsewhere in the log or from outside.
    case inserted(Int64)
    /// The row, or the one before it, was changed, inserted or moved.
    case doesNotFit(Int64)
    /// The rows up to this one are missing at the beginning, and no worker removed them.
    case beginningCut(upTo: Int64)
    /// The rows after this one are missing at the end.
    case truncated(after: Int64, head: Int64)
    /// The mark of an end was not written by a worker.
    case markForged(AuditMark.End)
    /// The mark of the end is older than the rows.
    case headBehind(Int64, last: Int64)
    /// There are rows, but no mark of their end.
    case headMissing
    /// The worker found the end changed when it wrote this row.
    case brokenBefore(Int64)
    /// All rows and marks are missing.
    case gone

    /// The fault in words.
    package var description: String {
        switch self {
        case .changed(let number): "Row \(number) was changed."
        case .missing(let numbers) where numbers.count == 1: "Row \(numbers.lowerBound) was removed."
        case .missing(let numbers): "Rows \(numbers.lowerBound) to \(numbers.upperBound) were removed."
        case .inserted(let number): "Row \(number) was inserted, or moved there."
        case .doesNotFit(let number):
            "Row \(number) does not match its code: it was changed, inserted or moved, or the row before it was removed."
        case .beginningCut(let number): "The rows up to \(number) were removed."
        case .truncated(let last, let head): "The log was truncated: it ends with row \(last), but its last row was \(head)."
        case .markForged(let end):
            "The mark of the log's \(end == .head ? "end" : "beginning") was changed, or this is not the key ring of the store."
        case .headBehind(let head, let last):
            "The mark of the log's end was replaced by an older one: it names row \(head), but the last row is \(last)."
        case .headMissing: "The mark of the log's end was removed."
        case .gone: "The whole log was removed: there is no row and no mark."
        case .brokenBefore(let number):
            "The end of the log was changed before row \(number) was written: rows are missing there, or the mark was changed."
        }
    }

    /// The row to examine first; `nil` if the fault concerns no row.
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

/// Reads a log row by row and finds the first fault.
package struct AuditVerification {
    private let chain: AuditChain
    /// The place of the last valid row.
    package private(set) var place: AuditPlace
    /// The number of valid rows.
    package private(set) var count = 0
    /// A row that does not match its code. The next row shows why.
    private var suspect: AuditRow?
    private var fault: AuditFault?

    /// - Parameter anchor: the anchor of the log; `nil` while no row has been removed.
    package init(_ chain: AuditChain, from anchor: AuditMark?) {
        self.chain = chain
        place = anchor?.place ?? .start
        if let anchor, anchor.end != .anchor || !chain.vouches(for: anchor) { fault = .markForged(.anchor) }
    }

    /// Begins in the middle of a log, after a row that is assumed to be valid.
    package init(_ chain: AuditChain, behind row: AuditRow) {
        self.chain = chain
        place = row.place
    }

    /// Whether a fault was found, so that further rows do not matter.
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
            // The next row is chained to this code: only the content that it covers was changed.
            fault = .changed(suspect.number)
        } else if chain.fits(next, as: suspect.number, after: place.mac) {
            fault = .inserted(suspect.number)
        } else {
            fault = .doesNotFit(suspect.number)
        }
    }

    /// Concludes the verification after the last row.
    ///
    /// - Parameter head: the head of the log.
    /// - Returns: the first fault; `nil` if there is none.
    package mutating func end(at head: AuditMark?) -> AuditFault? {
        if let fault { return fault }
        if let suspect {
            // It is the last row. If the mark names it, only the content that its code covers was changed.
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

/// The result of a verification.
package struct AuditReport: Hashable, Sendable {
    package var fault: AuditFault?
    /// How many rows were valid, from the first one that was read.
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
