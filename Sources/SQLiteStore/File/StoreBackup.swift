package import Contract
import FoundationEssentials
import GRDB
import Glibc
package import Store
import Synchronization

/// A copy of a store in one file. It is made while workers run, and restored while none runs.
///
/// It holds the contents of the store, and nothing that was erased before. It does not contain the key ring, without which no credentials can
/// be read.
package enum StoreBackup {
    /// A summary of a copy.
    package struct Contents: Hashable, Sendable {
        package var lanes: Int
        package var unfinishedJobs: Int
    }

    /// Writes a consistent copy of the store while workers continue: see ``LiveCopy``. If no worker runs at the beginning, it is a plain
    /// ``PageCopy``.
    ///
    /// - Parameters:
    ///   - file: the copy, which must not exist yet. Only its owner may read it. It appears only when it is complete and on disk.
    ///   - now: the time by which a worker's lease is valid or over.
    ///   - onStep: while workers run, gets the mebibytes that are read, and those to read: the file is read twice, or more often when resets
    ///     interrupt the copy.
    /// - Throws: ``StoreError``: `unavailable`, or `corrupt` when the store is damaged, and its copy would be too.
    package static func make(
        of store: String,
        to file: String,
        at now: Timestamp,
        onStep: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws(StoreError) -> Contents {
        try await StoreThread.run { () throws(StoreError) in
            try checkName(file, ofCopyOf: store)
            // If there is no store, the copy reports it.
            _ = try StoreFile.inspect(store) { try StoreFile.checkOrigin($0, of: store, mayBeEmpty: false) }
            let partial = try PartialFile(file + ".partial")
            let isLive = isInUse(store, at: now)
            let contents = try isLive ? live(store, to: partial, onStep) : PageCopy(source: store, target: partial).make()
            do throws(StoreError) {
                try mark(asCopy: partial)
                try partial.rename(to: file, replacing: false)
            } catch {
                partial.discard()
                throw error
            }
            return contents
        }
    }

    private static func live(
        _ store: String,
        to partial: PartialFile,
        _ onStep: @escaping @Sendable (Int, Int) -> Void
    ) throws(StoreError) -> Contents {
        var status = stat()
        let mebibytes = stat(store, &status) == 0 ? Int(status.st_size >> 20) + 1 : 1
        let steps = Mutex(0)
        return try LiveCopy(of: store, to: partial) { _ in
            let done = steps.withLock { steps in
                steps += 1
                return steps
            }
            onStep(done, max(2 * mebibytes, done))
        }
        .make()
    }

    /// The suffixes of the files that SQLite puts next to a database.
    private static let companions = ["-wal", "-shm", "-journal"]

    /// Refuses a name that is taken, or that a file of the store has or may get. Files next to the name would become part of the copy.
    private static func checkName(_ file: String, ofCopyOf store: String) throws(StoreError) {
        // SQLite follows links before it names the files next to a database.
        let stores = [store, URL(filePath: store).resolvingSymlinksInPath().path]
        let own = Set(stores.flatMap { store in (["", ".partial"] + companions).map { place(of: store + $0) } })
        let names = [file, file + ".partial"].flatMap { name in ([""] + companions).map { name + $0 } }
        if let name = names.first(where: { own.contains(place(of: $0)) }) {
            throw StoreError(.unavailable, "\(name) is reserved for the store's own files: name another file.")
        }
        for name in ([""] + companions).map({ file + $0 }) where access(name, F_OK) == 0 {
            throw StoreError(.unavailable, "The file \(name) exists already: name another file, or move it away.")
        }
    }

    private static func place(of file: String) -> String {
        let url = URL(filePath: file)
        return url.deletingLastPathComponent().resolvingSymlinksInPath().path + "/" + url.lastPathComponent
    }

    /// Whether a copy would delay a running worker.
    static func isInUse(_ store: String, at now: Timestamp) -> Bool {
        // A store that cannot be read now may still have a worker.
        do { return try StoreFile.inspect(store) { try StoreConnection($0).runningWorker(at: now) } ?? nil != nil } catch { return true }
    }

    /// Summarises a store or a copy without changing it.
    ///
    /// - Returns: `nil` when there is no file.
    /// - Throws: ``StoreError``, also for a file that is not a store.
    package static func contents(of path: String) async throws(StoreError) -> Contents? {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { database in
                try StoreFile.checkOrigin(database, of: path, mayBeEmpty: false)
                return try StoreConnection(database).contents()
            }
        }
    }

    /// Refuses to replace a file that is not a store. A damaged store may be replaced.
    ///
    /// - Throws: ``StoreError/Code/unavailable``.
    package static func checkPlace(_ store: String) async throws(StoreError) {
        try await StoreThread.run { () throws(StoreError) in try refuseForeign(store) }
    }

    private static func refuseForeign(_ store: String) throws(StoreError) {
        guard try StoreFile.isThere(store), !StoreFile.hasOwnHeader(store) else { return }
        // The header of a new store may still be in its log.
        let isEmpty = try? StoreFile.inspect(store) { try StoreFile.checkOrigin($0, of: store, mayBeEmpty: true) }
        guard isEmpty != false else { return }
        throw StoreError(
            .unavailable,
            isEmpty == true
                ? "The file \(store) is empty and not a store: move it away first, if this is the right path."
                : "The file \(store) is not a store, and is not replaced: move it away first, if this is the right path."
        )
    }

    /// Marks the file as a copy, so that no worker runs on it and `keys retire` refuses it.
    private static func mark(asCopy file: PartialFile) throws(StoreError) {
        do {
            let queue = try DatabaseQueue(path: file.path)
            try queue.write { database in
                // A store that is too old for this program can still be copied.
                guard try database.tableExists("identity") else { return }
                try database.execute(sql: "UPDATE identity SET is_copy = 1")
            }
            try queue.close()
        } catch {
            throw StoreError(error, path: file.path)
        }
    }

    /// Replaces a store with a copy. No worker may run on the store. The replaced file is kept next to it.
    ///
    /// The copy lacks everything that happened since it was made. Therefore:
    /// - Every lane gets a new epoch, higher than any that was used, so that no sequence is used for another event.
    /// - Jobs that were unfinished do not run any more, except resets (see ``QueuedJob/isFromBackup``): they, or newer ones, have finished since.
    ///   For the same reason, dead letters lose the payloads of their jobs, and operations over dead letters are cancelled.
    /// - Possible writes to Autotask since then count as just sent, and are looked up after the settle time.
    ///
    /// The audit log continues from the copy's end, with a row that records the restore and the end of the replaced store's log.
    ///
    /// - Parameters:
    ///   - chain: chains the rows of the audit log.
    ///   - actor: who requested it.
    /// - Returns: the contents of the copy, and where the replaced file is now; `nil` if there was none.
    /// - Throws: ``StoreError``: `unavailable` while a worker runs on the store, `corrupt` or `newerSchema` for a file that is not a usable copy.
    package static func restore(
        _ file: String,
        to store: String,
        auditing chain: AuditChain,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> (contents: Contents, replaced: String?) {
        try await StoreThread.run { () throws(StoreError) in
            try refuseForeign(store)
            try refuseWhileInUse(store, at: now)
            do { try StoreFile.check(file, mayBeEmpty: false) } catch { throw StoreError(error, path: file) }
            let partial = try PartialFile(store + ".partial")
            let contents = try PageCopy(source: file, target: partial).make()
            do {
                let opened = try StoreFile.open(partial.path, mustExist: true)
                let replaced = StoreFile.auditEnd(of: store)
                try opened.pool.write { database in
                    let transaction = Transaction(StoreConnection(database), chain: chain)
                    try transaction.beginAnew(at: now)
                    try transaction.connection.run("UPDATE identity SET is_copy = 0, file = ?", opened.identity.inode)
                    let end = try transaction.connection.lastAuditRow()?.place ?? .start
                    try transaction.audit(AuditEntry(restoredFrom: end, replaced: replaced, by: actor, at: now))
                    try transaction.finish()
                }
                try opened.pool.close()
                try opened.log.close()
            } catch {
                partial.discard()
                throw StoreError(error, path: partial.path)
            }
            // A worker may have started meanwhile; from here on none can.
            do throws(StoreError) {
                return try StoreFile.holdingAlone(store) { () throws(StoreError) in
                    let replaced = try moveAway(store, at: now)
                    try partial.rename(to: store, replacing: true)
                    return (contents, replaced)
                }
            } catch {
                partial.discard()
                throw error
            }
        }
    }

    // MARK: - Files

    /// - Returns: where the store is now; `nil` if there was none.
    private static func moveAway(_ store: String, at now: Timestamp) throws(StoreError) -> String? {
        let name = "\(store).replaced-\(now.secondsSinceEpoch)"
        // The log first, even without its file: next to another file it would be taken for that file's log.
        var isThere = false
        for suffix in companions + [""] where access(store + suffix, F_OK) == 0 {
            try StoreFile.rename(store + suffix, to: name + suffix)
            isThere = true
        }
        return isThere ? name : nil
    }

    /// The kernel knows whether a process has the file open, independent of clocks. The lease decides for workers that its locks do not show,
    /// such as one in this process.
    private static func refuseWhileInUse(_ store: String, at now: Timestamp) throws(StoreError) {
        guard access(store, F_OK) == 0 else { return }
        // A store that cannot be read has no worker: a backup may replace it.
        if let worker = (try? StoreFile.inspect(store) { try StoreConnection($0).runningWorker(at: now) }) ?? nil {
            throw StoreError(.unavailable, "Worker \(worker) runs on the store \(store): stop every worker of this store first.")
        }
        try StoreFile.holdingAlone(store) {}
    }
}

extension StoreConnection {
    func contents() throws -> StoreBackup.Contents {
        let lanes = try first("SELECT COUNT(*) FROM lanes") { $0.count(0) } ?? 0
        return StoreBackup.Contents(lanes: lanes, unfinishedJobs: try backlog().total)
    }
}

extension Transaction {
    /// Changes a copy so that it can replace the store: see ``StoreBackup/restore(_:to:auditing:by:at:)``.
    fileprivate func beginAnew(at now: Timestamp) throws {
        // Its workers are gone, wherever they ran: the next worker that joins takes over from them.
        try connection.run("UPDATE workers SET lease_until = 0, process = NULL")
        // The number of resets since is unknown. The time is ahead of them all, because no tenant is reset every second.
        let epoch = now.secondsSinceEpoch
        try connection.run("UPDATE lanes SET epoch = MAX(epoch + 1, ?), next_sequence = 1, is_enabled = 0", epoch)
        try connection.run("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", StoredCounter.firstEpoch.rawValue, epoch)
        try connection.run("UPDATE lanes SET unsettled_since = ?", now)
        try connection.run("UPDATE jobs SET is_from_backup = 1 WHERE finished_at IS NULL AND kind <> 'reset'")
        try connection.run("UPDATE dead_letters SET payload = NULL WHERE payload IS NOT NULL")
        // What they did since is unknown: the operator orders them again.
        try connection.run("UPDATE operations SET ended_at = ?, is_cancelled = 1 WHERE ended_at IS NULL", now)
        // Jobs that waited for a retry end now, with an event.
        try connection.run("UPDATE jobs SET not_before = NULL WHERE finished_at IS NULL")
        try connection.run("UPDATE lanes SET wake_at = ? WHERE wake_at IS NOT NULL", now)
    }
}

extension StoreFile {
    /// Where a store's audit log ends; `nil` if it cannot be read.
    fileprivate static func auditEnd(of path: String) -> AuditPlace? {
        ((try? inspect(path) { try StoreConnection($0).lastAuditRow()?.place }) ?? nil) ?? nil
    }
}

extension StoreError {
    /// Makes an error from the system's last error.
    init(posix what: String) {
        self.init(.unavailable, "\(what): \(String(cString: strerror(errno))).")
    }
}
