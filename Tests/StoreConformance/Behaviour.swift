package import Store

/// A behaviour of every store, whatever its implementation. ``all`` is the suite; each implementation's tests run it against a new
/// store.
package struct Behaviour: Sendable, CustomStringConvertible {
    /// The behaviour as a sentence.
    package let description: String
    private let check: @Sendable (Bench) async throws -> Void

    init(_ description: String, _ check: @escaping @Sendable (Bench) async throws -> Void) {
        self.description = description
        self.check = check
    }

    package static let all: [Behaviour] =
        intake + arrivals + replays + admission + claims + windows + fairness + databases + suspects + deadlines + fencing + journal
        + endings + sequence
        + effects + resets + workers
        + checks + pauses + pausesInLine + barriers + outbox + looking + finding + history + pruning + letters + redrives + operations
        + keys + audit + concurrency

    /// Expects the behaviour of a store.
    ///
    /// - Parameter store: new and empty, its audit log chained by ``AuditChain/bench``. It is closed at the end.
    package func expect(of store: any Store) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await check(try await Bench(store))) } catch { result = .failure(error) }
        await store.close()
        try result.get()
    }
}
