package import Contract
import FoundationEssentials
import GRDB
import Glibc
package import Store

/// A copy of a store in one file: made while workers run, brought back while none does.
///
/// It holds what the store holds, and nothing that was erased before it was made. The key ring is not in it: without that, no credentials can
/// be read.
package enum StoreBackup {
    /// What a copy holds.
    package struct Contents: Hashable, Sendable {
        package var lanes: Int
        package var unfinishedJobs: Int
    }

    /// Writes a consistent copy of the store while workers go on: see ``LiveCopy``. Where no worker runs as it begins, it is a plain ``PageCopy``.
    ///
    /// - Parameters:
    ///   - file: must not exist. Only its owner may read it. It is there when it is whole and on disk, or not at all.
    ///   - now: by which a worker's lease is good or over.
    /// - Throws: ``StoreError``: `unavailable`, or `corrupt` when the store is damaged, which its copy would be too.
    package static func make(of store: String, to file: String, at now: Timestamp) async throws(StoreError) -> Contents {
        try await StoreThread.run { () throws(StoreError) in
            try checkName(file, ofCopyOf: store)
            // Without a store, the copy reports that there is none.
            _ = try StoreFile.inspect(store) { try StoreFile.checkOrigin($0, of: store, mayBeEmpty: false) }
            let partial = try PartialFile(file + ".partial")
            let isLive = isInUse(store, at: now)
            let contents = try isLive ? LiveCopy(of: store, to: partial).make() : PageCopy(source: store, target: partial).make()
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

    /// What SQLite puts beside a database, by the ends of their names.
    private static let companions = ["-wal", "-shm", "-journal"]

    /// Refuses a name that is taken, or that a file of the store has or may get. What lies beside the name would become a part of the copy.
    private static func checkName(_ file: String, ofCopyOf store: String) throws(StoreError) {
        // SQLite follows links before it names what it puts beside.
        let stores = [store, URL(filePath: store).resolvingSymlinksInPath().path]
        let own = Set(stores.flatMap { store in (["", ".partial"] + companions).map { place(of: store + $0) } })
        let names = [file, file + ".partial"].flatMap { name in ([""] + companions).map { name + $0 } }
        if let name = names.first(where: { own.contains(place(of: $0)) }) {
            throw StoreError(.unavailable, "\(name) is a name of the store's own files: name another one.")
        }
        for name in ([""] + companions).map({ file + $0 }) where access(name, F_OK) == 0 {
            throw StoreError(.unavailable, "The file \(name) exists already: name another one, or move it away.")
        }
    }

    private static func place(of file: String) -> String {
        let url = URL(filePath: file)
        return url.deletingLastPathComponent().resolvingSymlinksInPath().path + "/" + url.lastPathComponent
    }

    /// Whether a worker runs that a copy would delay.
    static func isInUse(_ store: String, at now: Timestamp) -> Bool {
        // What cannot be read now may have its worker.
        do { return try StoreFile.inspect(store) { try Connection($0).runningWorker(at: now) } ?? nil != nil } catch { return true }
    }

    /// The contents of a store or a copy, without a change to it.
    ///
    /// - Returns: `nil` when there is no file.
    /// - Throws: ``StoreError``, also for a file that is not a store.
    package static func contents(of path: String) async throws(StoreError) -> Contents? {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { database in
                try StoreFile.checkOrigin(database, of: path, mayBeEmpty: false)
                return try Connection(database).contents()
            }
        }
    }

    /// Refuses a place where a copy may not be put: what is there is not a store. A damaged store may be replaced.
    ///
    /// - Throws: ``StoreError/Code/unavailable``.
    package static func checkPlace(_ store: String) async throws(StoreError) {
        try await StoreThread.run { () throws(StoreError) in try refuseForeign(store) }
    }

    private static func refuseForeign(_ store: String) throws(StoreError) {
        guard try StoreFile.isThere(store), !StoreFile.hasOwnHeader(store) else { return }
        // The header of a young store may be in its log still.
        let isEmpty = try? StoreFile.inspect(store) { try StoreFile.checkOrigin($0, of: store, mayBeEmpty: true) }
        guard isEmpty != false else { return }
        throw StoreError(
            .unavailable,
            isEmpty == true
                ? "The file \(store) is empty, and no store: move it away first, if it is the right place."
                : "The file \(store) is not a store, and is not replaced: move it away first, if it is the right place."
        )
    }

    /// Marks a copy as such, so that no worker runs on it and `keys retire` refuses it.
    private static func mark(asCopy file: PartialFile) throws(StoreError) {
        do {
            let queue = try DatabaseQueue(path: file.path)
            try queue.write { database in
                // A store that is too old for this program can be copied all the same.
                guard try database.tableExists("identity") else { return }
                try database.execute(sql: "UPDATE identity SET is_copy = 1")
            }
            try queue.close()
        } catch {
            throw StoreError(error, path: file.path)
        }
    }

    /// Puts a copy in a store's place. No worker may run on the store; the file that was there is kept beside it.
    ///
    /// What happened since the copy was made is not in it. Hence
    /// - every epoch begins anew at a number higher than any that was given out, so that no sequence is used for another event;
    /// - jobs that were unfinished then are not run any more, resets excepted (see ``QueuedJob/isFromBackup``): they have been finished since,
    ///   or a newer one has; for the same reason dead letters lose what they keep of their jobs;
    /// - whatever may have been written to Autotask since counts as just sent, and is looked for once it has settled.
    ///
    /// The audit log goes on from the copy's end, with a row that says so, and where the replaced store's log ended.
    ///
    /// - Parameters:
    ///   - chain: what chains the audit log.
    ///   - actor: who wants it so.
    /// - Returns: what the copy holds, and where the replaced file is now; `nil` if there was none.
    /// - Throws: ``StoreError``: `unavailable` while a worker runs on the store, `corrupt` or `newerSchema` for a file that is no good copy.
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
                    let transaction = Transaction(Connection(database), chain: chain)
                    try transaction.beginAnew(at: now)
                    try transaction.connection.run("UPDATE identity SET is_copy = 0, file = ?", opened.identity.inode)
                    let end = try transaction.connection.lastAuditRow()?.place ?? .start
                    try transaction.tell(AuditEntry(restoredFrom: end, replaced: replaced, by: actor, at: now))
                    try transaction.finish()
                }
                try opened.pool.close()
                try opened.log.close()
            } catch {
                partial.discard()
                throw StoreError(error, path: partial.path)
            }
            // A worker may have started in between: from here on none can.
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
        // The log first, also without its file: beside another it would be taken for that one's.
        var isThere = false
        for suffix in companions + [""] where access(store + suffix, F_OK) == 0 {
            try StoreFile.rename(store + suffix, to: name + suffix)
            isThere = true
        }
        return isThere ? name : nil
    }

    /// The kernel knows whether a process has the file open, independent of clocks. For a worker that its locks do not show, such as
    /// one of this process, the lease decides.
    private static func refuseWhileInUse(_ store: String, at now: Timestamp) throws(StoreError) {
        guard access(store, F_OK) == 0 else { return }
        // A store that cannot be read has no worker: a backup may replace it.
        if let worker = (try? StoreFile.inspect(store) { try Connection($0).runningWorker(at: now) }) ?? nil {
            throw StoreError(.unavailable, "Worker \(worker) runs on the store \(store): stop every worker of this store first.")
        }
        try StoreFile.holdingAlone(store) {}
    }
}

extension Connection {
    func contents() throws -> StoreBackup.Contents {
        let lanes = try first("SELECT COUNT(*) FROM lanes") { $0.int(0) } ?? 0
        return StoreBackup.Contents(lanes: lanes, unfinishedJobs: try backlog())
    }
}

extension Transaction {
    /// What a copy of a store has to forget, and what it has to begin anew.
    fileprivate func beginAnew(at now: Timestamp) throws {
        // Its workers are gone, wherever they ran: whoever joins takes over from them.
        try connection.run("UPDATE workers SET lease_until = 0, process = NULL")
        // Nobody knows how many resets there were since. The time is ahead of them all: a tenant is not reset once a second.
        let epoch = now.secondsSinceEpoch
        try connection.run("UPDATE lanes SET epoch = MAX(epoch + 1, ?), next_sequence = 1, is_enabled = 0", epoch)
        try connection.run("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", Counter.firstEpoch.rawValue, epoch)
        try connection.run("UPDATE lanes SET unsettled_since = ?", now)
        try connection.run("UPDATE jobs SET is_from_backup = 1 WHERE finished_at IS NULL AND kind <> 'reset'")
        try connection.run("UPDATE dead_letters SET payload = NULL WHERE payload IS NOT NULL")
        // Those that waited for a retry are told now.
        try connection.run("UPDATE jobs SET not_before = NULL WHERE finished_at IS NULL")
        try connection.run("UPDATE lanes SET wake_at = ? WHERE wake_at IS NOT NULL", now)
    }
}

extension StoreFile {
    /// Where a store's audit log ends; `nil` where that cannot be read.
    fileprivate static func auditEnd(of path: String) -> AuditPlace? {
        ((try? inspect(path) { try Connection($0).lastAuditRow()?.place }) ?? nil) ?? nil
    }
}

extension StoreError {
    /// What the system said last.
    init(posix what: String) {
        self.init(.unavailable, "\(what): \(String(cString: strerror(errno))).")
    }
}
