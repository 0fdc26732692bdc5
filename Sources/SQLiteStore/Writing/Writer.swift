import Confinement
import GRDB
import GRDBSQLite
import Store
import Synchronization

/// The one place that writes. It takes everything that was asked for while the last transaction was on its way to the disk, and makes it the
/// next transaction: so work of many tenants shares a commit, and nobody waits for company.
///
/// It runs on a thread of its own, because SQLite blocks. The wait of a transaction there is bounded: a group takes no operation on once
/// it has taken ``patience``, renewals of leases have a transaction of their own ahead of all other work, and the log is written back into the
/// file by the ``Checkpointer``.
final class Writer: Sendable {
    /// The priority of an operation.
    enum Turn {
        /// Renewals: another worker takes over lanes that are renewed too late.
        case lease
        case work
        /// Work that gives way to all other, in small steps: erasing expired data.
        case chore
    }

    /// Operations in one transaction, at most.
    private static let groupLimit = 256
    /// A transaction that has taken this long takes no further operation on.
    private static let patience: Duration = .milliseconds(50)
    /// A chore that has waited this long is not put off any more.
    private static let choreDelay: Duration = .seconds(1)
    /// How often the log is tried to be emptied at the end, and how many milliseconds lie in between.
    private static let lastAttempts = (count: 20, pause: Int32(50))

    private struct Queue {
        var leases: [any PendingWrite] = []
        var work: [any PendingWrite] = []
        var chores: [(write: any PendingWrite, since: ContinuousClock.Instant)] = []
        /// How many of the first have to be tried one by one, because their shared transaction failed.
        var alone = 0
        /// Whether to empty the log, now that most of it is in the file.
        var mustEmptyLog = false
        /// Whether that was the last step: work goes before the next.
        var hasEmptiedLog = false
        var isClosed = false

        var isEmpty: Bool { leases.isEmpty && work.isEmpty && chores.isEmpty && !mustEmptyLog }
    }

    private enum Step {
        case commit([any PendingWrite])
        case emptyLog
        case wait
        case end
    }

    /// State of the thread alone.
    private struct Progress {
        /// The worker that publishes the events that this process stores.
        var worker: WorkerID?
        /// Whether events wait until the data that their reset erased has left the log.
        var awaitsErasure = false
        /// How far they have been let go, between two pages.
        var release: Release?
    }

    private let queue = Mutex(Queue())
    private let wake: WakeDescriptor
    private let thread: Mutex<ConfinedThread?> = Mutex(nil)
    private let observer: Mutex<Observer<[OutboxEntry]>?> = Mutex(nil)
    let file: StoreFile.Identity
    private let path: String
    private let chain: AuditChain?
    private let checkpointer: Checkpointer
    private let rows: UnreadableRows
    /// What went wrong last, and when.
    private let failure: Mutex<(error: StoreError, at: ContinuousClock.Instant)?> = Mutex(nil)

    /// Starts the thread. It owns the pool from now on as far as closing it is concerned.
    ///
    /// - Parameter rows: gets the rows that cannot be read.
    init(_ opened: StoreFile.Opened, chain: AuditChain?, rows: UnreadableRows = UnreadableRows()) throws(ConfinementError) {
        let pool = opened.pool
        path = pool.path
        file = opened.identity
        self.chain = chain
        self.rows = rows
        wake = try WakeDescriptor()
        checkpointer = try Checkpointer(opened.log)
        try checkpointer.start { [weak self] in self?.askToEmptyLog() }
        let thread = try ConfinedThread.start(name: "store-writer") { self.work(on: pool) }
        self.thread.withLock { $0 = thread }
    }

    /// Runs `body` in a transaction, and returns once that is on disk.
    ///
    /// - Parameter body: it may be called again when the transaction is. If it throws a ``StoreError`` before it has changed anything, the
    ///   transaction goes on without it.
    func write<Value: Sendable>(
        _ turn: Turn = .work,
        _ body: @escaping @Sendable (Transaction) throws -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { continuation in
            submit(Write(body, continuation), turn)
        }.get()
    }

    /// See ``EventOutbox/observeEvents(_:)``.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) {
        self.observer.withLock { $0 = Observer(observe: observer) }
    }

    /// Since when the log waits to be emptied of erased data; `nil` if it does not.
    var erasureWaitsSince: ContinuousClock.Instant? { checkpointer.waitsSince }

    /// How many operations wait for the thread, renewals among them.
    var waiting: Int { queue.withLock { $0.leases.count + $0.work.count + $0.chores.count } }

    /// How many renewals do.
    var leases: Int { queue.withLock { $0.leases.count } }

    /// Lets the thread finish what is pending and end.
    func stop() {
        queue.withLock { $0.isClosed = true }
        wake.wake()
    }

    /// Returns once the thread has ended and the file is closed.
    func waitUntilStopped() async {
        await thread.withLock { $0 }?.waitUntilFinished()
        await checkpointer.waitUntilStopped()
    }

    private func submit(_ write: any PendingWrite, _ turn: Turn) {
        let (isAccepted, isFirst) = queue.withLock { queue in
            guard !queue.isClosed else { return (false, false) }
            let wasEmpty = queue.isEmpty
            switch turn {
            case .lease: queue.leases.append(write)
            case .work: queue.work.append(write)
            case .chore: queue.chores.append((write, .now))
            }
            return (true, wasEmpty)
        }
        guard isAccepted else {
            write.fail(StoreError(.unavailable, "The store is closed."))
            return write.resume()
        }
        if isFirst { wake.wake() }
    }

    private func askToEmptyLog() {
        queue.withLock { $0.mustEmptyLog = true }
        wake.wake()
    }

    // MARK: On the thread

    private func work(on pool: DatabasePool) {
        pool.writeWithoutTransaction { database in
            let connection = Connection(database)
            var progress = Progress()
            checkpointer.follow(database)
            loop: while true {
                switch nextStep() {
                case .commit(let group): commit(group, connection, &progress)
                case .emptyLog: emptyLog(connection, &progress)
                case .wait: wake.wait()
                case .end: break loop
                }
            }
            // Erased data leaves the log even if other processes have the file open. A command that erased nothing leaves the log to the
            // worker.
            guard progress.worker != nil || checkpointer.waitsSince != nil else { return }
            var attempts = 0
            while attempts < Writer.lastAttempts.count {
                guard emptyLog(connection, &progress, isLast: true) else {
                    attempts += 1
                    wake.wait(milliseconds: Writer.lastAttempts.pause)
                    continue
                }
                if progress.release == nil { break }
            }
        }
        try? pool.close()
        // It closes last: a connection that may write puts the log back into the file and removes it.
        checkpointer.stop()
    }

    private func nextStep() -> Step {
        queue.withLock { queue in
            if !queue.leases.isEmpty {
                defer { queue.leases = [] }
                return .commit(queue.leases)
            }
            if queue.mustEmptyLog, queue.work.isEmpty || !queue.hasEmptiedLog {
                queue.mustEmptyLog = false
                queue.hasEmptiedLog = true
                return .emptyLog
            }
            queue.hasEmptiedLog = false
            if let chore = queue.chores.first, queue.work.isEmpty || .now - chore.since > Writer.choreDelay {
                queue.chores.removeFirst()
                return .commit([chore.write])
            }
            guard !queue.work.isEmpty else { return queue.isClosed ? .end : .wait }
            let group = Array(queue.work.prefix(queue.alone > 0 ? 1 : Writer.groupLimit))
            queue.alone = max(0, queue.alone - 1)
            queue.work.removeFirst(group.count)
            return .commit(group)
        }
    }

    /// Carries out a group in one transaction, as far as the time allows; the rest comes first in the next. If an operation fails in
    /// it, each is tried alone, so that only the faulty one fails.
    private func commit(_ group: [any PendingWrite], _ connection: Connection, _ progress: inout Progress) {
        let transaction = Transaction(connection, chain: chain)
        var done = 0
        do {
            try connection.database.beginTransaction(.immediate)
            // Behind the lock that the restoring of a store holds while it puts another file in this one's place.
            try file.check(at: path)
        } catch {
            if connection.database.isInsideTransaction { try? connection.database.rollback() }
            return fail(group, with: error)
        }
        do {
            let begin = ContinuousClock.now
            for write in group {
                let changes = connection.totalChanges
                do { try write.perform(in: transaction) } catch let error as StoreError where connection.totalChanges == changes {
                    write.fail(error)
                }
                done += 1
                if done < group.count, .now - begin > Writer.patience { break }
            }
            try transaction.finish()
            try connection.database.commit()
        } catch {
            // After some errors SQLite has rolled back by itself.
            if connection.database.isInsideTransaction { try? connection.database.rollback() }
            guard group.count > 1 else { return fail(group, with: error) }
            return putBack(group, alone: true)
        }
        if let worker = transaction.joined { progress.worker = worker }
        if transaction.awaitsErasure {
            progress.awaitsErasure = true
            progress.release?.mustRepeat = true
        }
        if transaction.hasErased { checkpointer.erase() }
        // On this thread, so that the order of commits is the order of events.
        if !transaction.events.isEmpty { observer.withLock { $0 }?.observe(transaction.events) }
        rows.report(transaction.setAside)
        for write in group.prefix(done) { write.resume() }
        if done < group.count { putBack(Array(group[done...]), alone: false) }
        checkpointer.look()
    }

    private func putBack(_ group: [any PendingWrite], alone: Bool) {
        queue.withLock { queue in
            queue.work.insert(contentsOf: group, at: 0)
            if alone { queue.alone = group.count }
        }
    }

    private func fail(_ group: [any PendingWrite], with error: any Error) {
        let error = StoreError(error, path: path)
        note(error)
        for write in group {
            write.fail(error)
            write.resume()
        }
    }

    /// What the store itself failed with within the time before now.
    func failure(within time: Duration) -> StoreError? {
        do { try file.check(at: path) } catch { return error }
        return failure.withLock { failure in failure.flatMap { .now - $0.at < time ? $0.error : nil } }
    }

    /// Remembers a failure that is the store's own, rather than its caller's.
    func note(_ error: StoreError) {
        guard error.code != .fenced, error.code != .clockBehind else { return }
        failure.withLock { $0 = (error, .now) }
    }

    /// Empties the log, so that erased data is gone, and releases the events that waited for this.
    ///
    /// It waits neither for a reader nor for another process that writes. The checkpointer has put most of the log into the file
    /// before, so that little is left to be written.
    ///
    /// One page of events goes in a transaction. The next page is another step, and renewals and a group of work go between the two. That
    /// step empties the log again: what was erased meanwhile leaves it too.
    ///
    /// - Returns: whether it was possible.
    @discardableResult
    private func emptyLog(_ connection: Connection, _ progress: inout Progress, isLast: Bool = false) -> Bool {
        guard checkpointer.empty(connection.database, isLast: isLast) else { return false }
        // An event waits only while erased data waits to leave the log: now it has left.
        guard progress.awaitsErasure, let worker = progress.worker else { return true }
        do {
            let transaction = Transaction(connection, chain: chain)
            var release = progress.release ?? Release()
            try connection.database.beginTransaction(.immediate)
            let isLastPage = try transaction.releaseErased(of: worker, &release)
            try connection.database.commit()
            if !transaction.events.isEmpty { observer.withLock { $0 }?.observe(transaction.events) }
            progress.release = isLastPage ? nil : release
            progress.awaitsErasure = !isLastPage || release.mustRepeat
            // Until the other worker's events are on their way.
            if progress.awaitsErasure { waitForErasure() }
            if !isLastPage { askToEmptyLog() }
        } catch {
            progress.release = nil
            if connection.database.isInsideTransaction { try? connection.database.rollback() }
            note(StoreError(error, path: path))
            waitForErasure()
            return false
        }
        return true
    }

    /// Has the log emptied again.
    private func waitForErasure() {
        checkpointer.erase()
        checkpointer.look()
    }
}
