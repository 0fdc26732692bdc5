import Store

/// Checks that no two events of an epoch have the same sequence. It reads all events in steps, and keeps four bytes of each.
struct SequenceUniqueness {
    private struct Epoch: Hashable {
        let lane: Int64
        let number: Int64
    }

    /// By sequence, a trace of the event's id; 0 if none was seen. Sequences have no gaps.
    private var traces: [Epoch: [UInt32]] = [:]
    /// Sequences that no worker can have assigned.
    private var strays: [Epoch: [Int64: UInt32]] = [:]
    private var found: Set<String> = []

    static func breaches(in looks: StoreFile.Looks) throws -> [String] {
        var state = SequenceUniqueness()
        for (table, sql) in sources {
            try looks.forEachRange(of: table) { connection, range in
                let rows = try connection.all(sql, range.lowerBound, range.upperBound) { row in
                    (
                        epoch: Epoch(lane: row.integer(0), number: row.integer(1)), sequence: row.integer(2), id: row.text(3),
                        name: row.text(4)
                    )
                }
                for row in rows { state.take(row.epoch, row.sequence, row.id, row.name) }
            }
        }
        return state.found.sorted()
    }

    private static let sources: [(LawQuery.Table, StaticString)] = [
        (
            .jobs,
            """
            SELECT j.lane, j.epoch, j.sequence, j.event_id, l.tenant || '/' || l.product FROM jobs j JOIN lanes l ON l.id = j.lane
            WHERE j.place BETWEEN ? AND ? AND j.sequence IS NOT NULL
            """
        ),
        (
            .outbox,
            """
            SELECT l.id, o.epoch, o.sequence, o.event_id, l.tenant || '/' || l.product
            FROM outbox o JOIN lanes l ON l.tenant = o.tenant AND l.product = o.product
            WHERE o.position BETWEEN ? AND ? AND o.sequence IS NOT NULL
            """
        ),
    ]

    private mutating func take(_ epoch: Epoch, _ sequence: Int64, _ id: String, _ name: String) {
        let trace = UInt32(truncatingIfNeeded: id.hashValue) | 1
        let other: UInt32
        if (0..<10_000_000).contains(sequence) {
            var known = traces.removeValue(forKey: epoch) ?? []
            let index = Int(sequence)
            if known.count <= index { known.append(contentsOf: repeatElement(0, count: index + 1 - known.count)) }
            other = known[index]
            known[index] = trace
            traces[epoch] = known
        } else {
            other = strays[epoch, default: [:]].updateValue(trace, forKey: sequence) ?? 0
        }
        if other != 0, other != trace { found.insert("\(name), epoch \(epoch.number), sequence \(sequence)") }
    }
}
