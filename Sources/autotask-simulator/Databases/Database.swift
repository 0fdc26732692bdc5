import FoundationEssentials
import Synchronization

/// One Autotask database: what it holds, and the calls that were made to it. The lock is never held while anybody waits.
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
