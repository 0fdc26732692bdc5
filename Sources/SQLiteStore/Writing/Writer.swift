import Confinement
import GRDB
import Store
import Synchronization

/// The one place that writes. It takes everything that was asked for while the last transaction was on its way to the disk, and makes it the
/// next transaction: so work of many tenants shares a commit, and nobody waits for company.
///
/// It runs on a thread of its own, because SQLite blocks.
final class Writer: Sendable {
    /// Operations in one transaction, at most.
    private static let groupLimit = 256

    private struct Queue {
        var pending: [any PendingWrite] = []
        var isClosed = false
    }

    private let queue = Mutex(Queue())
    private let wake: WakeDescriptor
    private let thread: Mutex<ConfinedThread?> = Mutex(nil)
    private let observer: Mutex<(@Sendable ([OutboxEntry]) -> Void)?> = Mutex(nil)
    private let path: String
    private let chain: AuditChain?
    /// What went wrong last, and when.
    private let failure: Mutex<(error: StoreError, at: ContinuousClock.Instant)?> = Mutex(nil)

    /// Starts the thread. It owns the pool from now on as far as closing it is concerned.
    init(_ pool: DatabasePool, chain: AuditChain?) throws(ConfinementError) {
        path = pool.path
        self.chain = chain
        wake = try WakeDescriptor()
        let thread = try ConfinedThread.start(name: "store-writer") { self.work(on: pool) }
        self.thread.withLock { $0 = thread }
    }

    /// Runs `body` in a transaction, and returns once that is on disk.
    ///
    /// - Parameter body: it may be called again when the transaction is. If it throws a ``StoreError`` before it has changed anything, the
    ///   transaction goes on without it.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> Value) async throws(StoreError) -> Value {
        try await withCheckedContinuation { continuation in
            submit(Write(body, continuation))
        }.get()
    }

    /// See ``Store/observeEvents(_:)``.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) { self.observer.withLock { $0 = observer } }

    /// Lets the thread finish what is pending and end.
    func stop() {
        queue.withLock { $0.isClosed = true }
        wake.wake()
    }

    /// Returns once the thread has ended and the file is closed.
    func waitUntilStopped() async { await thread.withLock { $0 }?.waitUntilFinished() }

    private func submit(_ write: any PendingWrite) {
        let (isAccepted, isFirst) = queue.withLock { queue in
            guard !queue.isClosed else { return (false, false) }
            queue.pending.append(write)
            return (true, queue.pending.count == 1)
        }
        guard isAccepted else {
            write.fail(StoreError(.unavailable, "The store is closed."))
            return write.resume()
        }
        if isFirst { wake.wake() }
    }

    // MARK: On the thread

    private func work(on pool: DatabasePool) {
        var mustTruncateLog = false
        pool.writeWithoutTransaction { database in
            let connection = Connection(database)
            while let group = nextGroup() {
                if group.isEmpty {
                    wake.wait()
                    continue
                }
                commit(group, connection, &mustTruncateLog)
                // Before anybody is told that it was erased.
                if mustTruncateLog { mustTruncateLog = !truncateLog(database) }
                for write in group { write.resume() }
            }
        }
        // Nothing depends on it: whatever was committed is on disk.
        try? pool.close()
    }

    /// - Returns: `nil` when the queue is closed and empty.
    private func nextGroup() -> [any PendingWrite]? {
        queue.withLock { queue in
            if queue.pending.isEmpty { return queue.isClosed ? nil : [] }
            let group = Array(queue.pending.prefix(Writer.groupLimit))
            queue.pending.removeFirst(group.count)
            return group
        }
    }

    /// Carries out a group in one transaction. If something goes wrong in it, each for itself, so that only the guilty one fails.
    private func commit(_ group: [any PendingWrite], _ connection: Connection, _ mustTruncateLog: inout Bool) {
        let transaction = Transaction(connection, chain: chain)
        do {
            try connection.database.beginTransaction(.immediate)
        } catch {
            return fail(group, with: error)
        }
        do {
            for write in group {
                let changes = connection.totalChanges
                do { try write.perform(in: transaction) } catch let error as StoreError where connection.totalChanges == changes {
                    write.fail(error)
                }
            }
            try transaction.finish()
            try connection.database.commit()
            mustTruncateLog = mustTruncateLog || transaction.hasErased
            // On this thread, so that the order of commits is the order of events.
            if !transaction.events.isEmpty { observer.withLock { $0 }?(transaction.events) }
        } catch {
            // After some errors SQLite has rolled back by itself.
            if connection.database.isInsideTransaction { try? connection.database.rollback() }
            guard group.count > 1 else { return fail(group, with: error) }
            for write in group { commit([write], connection, &mustTruncateLog) }
        }
    }

    private func fail(_ group: [any PendingWrite], with error: any Error) {
        let error = StoreError(error, path: path)
        note(error)
        for write in group { write.fail(error) }
    }

    /// What the store itself failed with within the time before now.
    func failure(within time: Duration) -> StoreError? {
        failure.withLock { failure in failure.flatMap { .now - $0.at < time ? $0.error : nil } }
    }

    /// Remembers a failure that is the store's own, rather than its caller's.
    func note(_ error: StoreError) {
        guard error.code != .fenced, error.code != .clockBehind else { return }
        failure.withLock { $0 = (error, .now) }
    }

    /// Writes the log back into the file and empties it, so that what was erased is nowhere any more.
    ///
    /// - Returns: whether it was possible: a reader may be in the way.
    private func truncateLog(_ database: Database) -> Bool {
        do { _ = try database.checkpoint(.truncate) } catch { return false }
        return true
    }
}
