import Confinement
import GRDB
import GRDBSQLite
import Store
import Synchronization
import Telemetry

/// The only part that writes. It combines all operations that arrive during one transaction into the next transaction. Many tenants thus share a
/// commit, and no operation waits for others to arrive.
///
/// It runs on its own thread, because SQLite blocks. The wait there is bounded: a group starts no further operation after
/// ``patience``, and renewals of leases have a separate transaction before all other work. The ``Checkpointer`` writes the log back into the
/// file.
final class Writer: Sendable {
    /// The priority of an operation.
    enum Turn {
        /// Renewals: another worker takes over lanes whose lease is renewed too late.
        case lease
        case work
        /// Work in small steps that gives way to all other work: erasing expired data.
        case chore
    }

    /// The maximum number of operations in one transaction.
    private static let groupLimit = 256
    /// A transaction that has taken this long starts no further operation.
    private static let patience: Duration = .milliseconds(50)
    /// A chore that has waited this long is no longer postponed.
    private static let choreDelay: Duration = .seconds(1)
    /// How often the writer tries to empty the log at the end, and the pause between two attempts in milliseconds.
    private static let lastAttempts = (count: 20, pause: Int32(50))

    private struct Queue {
        var leases: [any PendingWrite] = []
        var work: [any PendingWrite] = []
        var chores: [(write: any PendingWrite, since: ContinuousClock.Instant)] = []
        /// How many of the first operations must run one by one, because their shared transaction failed.
        var alone = 0
        /// Whether to empty the log, now that most of it is in the file.
        var mustEmptyLog = false
        /// Whether emptying the log was the last step: then work comes first.
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

    /// State that only the thread uses.
    private struct Progress {
        /// The worker that publishes the events that this process stores.
        var worker: WorkerID?
        /// Whether events wait until the data that their reset erased has left the log.
        var awaitsErasure = false
        /// The progress in releasing them, between two pages.
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
    private let meters: StoreMeters
    private let pulse: Pulse
    /// The last failure, and its time.
    private let failure: Mutex<(error: StoreError, at: ContinuousClock.Instant)?> = Mutex(nil)

    /// Starts the thread, which closes the pool when it ends.
    ///
    /// - Parameter rows: gets the rows that cannot be read.
    init(
        _ opened: StoreFile.Opened,
        chain: AuditChain?,
        rows: UnreadableRows = UnreadableRows(),
        instruments: Instruments = .none
    ) throws(ConfinementError) {
        let pool = opened.pool
        path = pool.path
        file = opened.identity
        self.chain = chain
        self.rows = rows
        meters = StoreMeters(instruments.metrics)
        pulse = instruments.pulses[.storeWriter]
        wake = try WakeDescriptor()
        checkpointer = try Checkpointer(opened.log)
        try checkpointer.start { [weak self] in self?.askToEmptyLog() }
        let thread = try ConfinedThread.start(name: "store-writer") { self.work(on: pool) }
        self.thread.withLock { $0 = thread }
    }

    /// Runs `body` in a transaction, and returns once that is on disk.
    ///
    /// - Parameter body: the operation. A repeated transaction calls it again. If it throws a ``StoreError`` before it has changed anything,
    ///   the transaction continues without it.
    func write<Value: Sendable>(
        _ turn: Turn = .work,
        as operation: StoreOperation? = nil,
        _ body: @escaping @Sendable (Transaction) throws -> Value
    ) async throws(StoreError) -> Value {
        let begun = ContinuousClock.now
        let result = await withCheckedContinuation { continuation in
            submit(Write(body, continuation), turn)
        }
        if let operation { meters.ended(operation, within: .now - begun) }
        return try result.get()
    }

    /// See ``EventOutbox/observeEvents(_:)``.
    func observeEvents(_ observer: @escaping @Sendable ([OutboxEntry]) -> Void) {
        self.observer.withLock { $0 = Observer(observe: observer) }
    }

    /// Since when erased data has waited to leave the log; `nil` if none waits.
    var erasureWaitsSince: ContinuousClock.Instant? { checkpointer.waitsSince }

    /// How many operations wait for the thread, including renewals.
    var waiting: Int { queue.withLock { $0.leases.count + $0.work.count + $0.chores.count } }

    /// How many renewals wait for the thread.
    var leases: Int { queue.withLock { $0.leases.count } }

    /// Makes the thread finish pending operations and end.
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
            let connection = StoreConnection(database)
            var progress = Progress()
            checkpointer.follow(database)
            defer { pulse.rest() }
            loop: while true {
                pulse.turn()
                switch nextStep() {
                case .commit(let group): commit(group, connection, &progress)
                case .emptyLog: emptyLog(connection, &progress)
                case .wait:
                    pulse.rest()
                    wake.wait()
                case .end: break loop
                }
            }
            // Erased data must leave the log even if other processes have the file open. A command that erased nothing leaves the log to
            // the worker.
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
        // It closes last: a connection that may write then writes the log back into the file and removes it.
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

    /// Runs a group in one transaction, as far as the time allows; the rest comes first in the next one. If an operation fails in
    /// it, each runs alone, so that only the faulty one fails.
    private func commit(_ group: [any PendingWrite], _ connection: StoreConnection, _ progress: inout Progress) {
        let transaction = Transaction(connection, chain: chain)
        var done = 0
        do {
            try connection.database.beginTransaction(.immediate)
            // A restore holds the lock while it replaces the file, so the check comes after the lock.
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
                    if error.code == .fenced { meters.fenced() }
                }
                done += 1
                if done < group.count, .now - begin > Writer.patience { break }
            }
            try transaction.finish()
            try connection.database.commit()
            meters.committed(done, within: .now - begin)
            meters.foundBroken(transaction.brokenLogs)
        } catch {
            // After some errors, SQLite rolls back automatically.
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
        // This runs on the writer's thread, so that events keep the order of commits.
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

    /// Returns a failure of the store itself within the last `time`.
    func failure(within time: Duration) -> StoreError? {
        do { try file.check(at: path) } catch { return error }
        return failure.withLock { failure in failure.flatMap { .now - $0.at < time ? $0.error : nil } }
    }

    /// Records a failure of the store itself, but not one of its caller.
    func note(_ error: StoreError) {
        guard error.code != .fenced, error.code != .clockBehind else { return }
        meters.failed(error.code)
        failure.withLock { $0 = (error, .now) }
    }

    /// Empties the log, so that erased data is gone, and releases the events that waited for this.
    ///
    /// It waits neither for a reader nor for another process that writes. The checkpointer has already written most of the log into the
    /// file, so little is left.
    ///
    /// Each transaction releases one page of events. The next page is another step, and renewals and a group of work run between the two. That
    /// step empties the log again, so that newly erased data leaves it too.
    ///
    /// - Returns: whether it was possible.
    @discardableResult
    private func emptyLog(_ connection: StoreConnection, _ progress: inout Progress, isLast: Bool = false) -> Bool {
        let isEmpty = checkpointer.empty(connection.database, isLast: isLast)
        meters.emptiedLog(isEmpty)
        guard isEmpty else { return false }
        // Events wait only while the log holds erased data, which has left it now.
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
            // Events may still wait for those of another worker.
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

    /// Requests another emptying of the log.
    private func waitForErasure() {
        checkpointer.erase()
        checkpointer.look()
    }
}
