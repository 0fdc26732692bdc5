import Contract

/// Chains the rows of the audit log. A row's code covers the row and the previous code, under a key that is not in the store.
///
/// The first row follows number 0 with 32 zero bytes. The store has no keys: its opener supplies the function.
package struct AuditChain: Sendable {
    private let authenticate: @Sendable (_ bytes: [UInt8]) -> [UInt8]

    /// - Parameter authenticate: returns the message authentication code of some bytes, 32 bytes long.
    package init(_ authenticate: @escaping @Sendable (_ bytes: [UInt8]) -> [UInt8]) { self.authenticate = authenticate }

    /// Makes the row for an entry that follows a place.
    package func row(_ entry: AuditEntry, after place: AuditPlace) -> AuditRow {
        let number = place.number + 1
        return AuditRow(number: number, entry: entry, mac: mac(of: entry, number: number, after: place.mac))
    }

    /// Whether a row is unchanged and at its original place.
    package func fits(_ row: AuditRow, after place: AuditPlace) -> Bool {
        row.number == place.number + 1 && row.mac == mac(of: row.entry, number: row.number, after: place.mac)
    }

    /// Whether a row is unchanged since it was written, regardless of the row that precedes it now.
    ///
    /// - Parameters:
    ///   - number: the row's original number.
    ///   - previous: the code of the row that preceded it then.
    func fits(_ row: AuditRow, as number: Int64, after previous: [UInt8]) -> Bool {
        row.mac == mac(of: row.entry, number: number, after: previous)
    }

    /// Encodes each column in order: its length in 4 bytes, big-endian, then its bytes. NULL has a length of all ones. Numbers have 8 bytes.
    private func mac(of entry: AuditEntry, number: Int64, after previous: [UInt8]) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(320 + entry.facts.utf8.count + (entry.sealed?.count ?? 0))
        input.append(column: "row".utf8)
        input.append(column: previous)
        input.append(column: number.bigEndianBytes)
        input.append(column: entry.at.millisecondsSinceEpoch.bigEndianBytes)
        input.append(column: entry.action.utf8)
        input.append(column: entry.actor.utf8)
        input.append(column: entry.tenant?.utf8)
        input.append(column: entry.product?.utf8)
        input.append(column: entry.jobID?.utf8)
        input.append(column: entry.publisher?.utf8)
        input.append(column: entry.facts.utf8)
        input.append(column: entry.sealed)
        return authenticate(input)
    }

    // MARK: Ends

    /// Marks a place as an end of the log. Nobody can forge such a mark without the key.
    package func mark(_ place: AuditPlace, as end: AuditMark.End) -> AuditMark {
        AuditMark(end: end, place: place, tag: tag(place, end))
    }

    package func vouches(for mark: AuditMark) -> Bool { mark.tag == tag(mark.place, mark.end) }

    private func tag(_ place: AuditPlace, _ end: AuditMark.End) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(96)
        input.append(column: end.rawValue.utf8)
        input.append(column: place.number.bigEndianBytes)
        input.append(column: place.mac)
        return authenticate(input)
    }
}

/// A row with its number and code.
package struct AuditRow: Hashable, Sendable {
    /// Numbers start at 1 and have no gaps.
    package var number: Int64
    package var entry: AuditEntry
    /// The code over this row and the one before it.
    package var mac: [UInt8]

    package init(number: Int64, entry: AuditEntry, mac: [UInt8]) {
        self.number = number
        self.entry = entry
        self.mac = mac
    }

    package var place: AuditPlace { AuditPlace(number: number, mac: mac) }
}

/// A place in the log. Its code vouches for everything up to it.
package struct AuditPlace: Hashable, Sendable {
    package var number: Int64
    package var mac: [UInt8]

    package init(number: Int64, mac: [UInt8]) {
        self.number = number
        self.mac = mac
    }

    /// The place before the first row of a log.
    package static let start = AuditPlace(number: 0, mac: [UInt8](repeating: 0, count: 32))
}

/// A place that is marked as an end of the log, authenticated with the key.
package struct AuditMark: Hashable, Sendable {
    package enum End: String, CaseIterable, Sendable {
        /// The last row.
        case head
        /// The last row that was removed because of its age.
        case anchor
    }

    package var end: End
    package var place: AuditPlace
    package var tag: [UInt8]

    package init(end: End, place: AuditPlace, tag: [UInt8]) {
        self.end = end
        self.place = place
        self.tag = tag
    }
}

extension [UInt8] {
    fileprivate mutating func append(column: (some Collection<UInt8>)?) {
        guard let column else { return append(contentsOf: repeatElement(0xFF, count: 4)) }
        append(field: column)
    }
}

extension Int64 {
    fileprivate var bigEndianBytes: [UInt8] { (0..<8).reversed().map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}
