import Store

/// Erases expired data in steps: each short, none while there is other work, and with pauses in between.
struct Pruning {
    /// The time that a step may take, about: other work waits this long.
    private static let stepTime: Duration = .milliseconds(5)
    /// How much longer than a step the pause after it is.
    private static let restFactor = 3
    private static let limits = 8...1000

    let writer: Writer
    private var limit = 64
    private(set) var hasErased = false

    init(_ writer: Writer) { self.writer = writer }

    /// Repeats a step as long as there may be more.
    ///
    /// - Parameter body: looks at no more rows than it is given.
    mutating func repeatedly(_ body: @escaping @Sendable (Transaction, Int) throws -> Bool) async throws(StoreError) {
        _ = try await repeatedly(from: true) { transaction, _, limit in try body(transaction, limit) ? true : nil }
    }

    /// Repeats a step as long as it returns where to go on.
    mutating func repeatedly<Place: Sendable>(
        from start: Place,
        _ body: @escaping @Sendable (Transaction, Place, Int) throws -> Place?
    ) async throws(StoreError) {
        var next: Place? = start
        while let place = next, !Task.isCancelled {
            let limit = limit
            let (found, took, hasChanged) = try await writer.write(.chore) { transaction in
                let (begin, changes) = (ContinuousClock.now, transaction.connection.totalChanges)
                let found = try body(transaction, place, limit)
                return (found, .now - begin, transaction.connection.totalChanges > changes)
            }
            next = found
            hasErased = hasErased || hasChanged
            if took > Pruning.stepTime {
                self.limit = max(Pruning.limits.lowerBound, limit / 2)
            } else if took * 2 < Pruning.stepTime {
                self.limit = min(Pruning.limits.upperBound, limit * 2)
            }
            if next != nil { try? await Task.sleep(for: took * Pruning.restFactor) }
        }
    }
}
