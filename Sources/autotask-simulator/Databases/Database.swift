import FoundationEssentials
import Synchronization

/// One Autotask database: its content, and the calls made to it. No code waits while it holds the lock.
final class Database: Sendable {
    /// Autotask's `ci`.
    let id: Int64
    let journal = CallJournal()
    private let state: Mutex<DatabaseState>

    init(_ seed: DatabaseSeed, at now: Date) {
        id = seed.databaseID
        state = Mutex(DatabaseState(seed, at: now))
    }

    func withState<Value: Sendable>(_ body: (inout DatabaseState) -> Value) -> Value {
        state.withLock { body(&$0) }
    }
}
