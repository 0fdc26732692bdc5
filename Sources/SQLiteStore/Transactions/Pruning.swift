import Store

/// Erases expired data in short steps with pauses in between. No step runs while there is other work.
struct Pruning {
    /// The approximate time of a step, for which other work may wait.
    private static let stepTime: Duration = .milliseconds(5)
    /// The length of a pause, as a multiple of the step before it.
    private static let restFactor = 3
    private static let limits = 8...1000

    let writer: Writer
    private var limit = 64
    private(set) var hasErased = false

    init(_ writer: Writer) { self.writer = writer }

    /// Repeats a step while there may be more data.
    ///
    /// - Parameter body: reads at most the given number of rows.
    mutating func repeatedly(_ body: @escaping @Sendable (Transaction, Int) throws -> Bool) async throws(StoreError) {
        _ = try await repeatedly(from: true) { transaction, _, limit in try body(transaction, limit) ? true : nil }
    }

    /// Repeats a step while it returns a place from which to continue.
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
