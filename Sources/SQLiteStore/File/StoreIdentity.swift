package import Contract
import GRDB
package import Store

/// The identity of the store in a file, and of the key ring that it belongs to.
///
/// A path does not identify a store: an unmounted volume, a mistyped `STORE_URL` or a copy lead to another store or to none.
package struct StoreIdentity: Hashable, Sendable {
    /// 32 hexadecimal digits that are chosen when the store is made; every copy has the same.
    package var store: String
    /// The id of the key ring; `nil` until ``SQLiteStore/pair(with:by:at:)``.
    package var ring: String?
    /// Whether `store backup` wrote the file and it was not restored since.
    package var isCopy: Bool
    /// The inode of the file that a worker ran on last, or that `store restore` wrote; `nil` before that.
    package var file: Int64?

    package init(store: String, ring: String?, isCopy: Bool, file: Int64? = nil) {
        self.store = store
        self.ring = ring
        self.isCopy = isCopy
        self.file = file
    }

    /// Whether the file at a path differs from the one that a worker ran on last. It is then a moved store, or a copy made without
    /// `store backup`.
    package func isElsewhere(than path: String) throws(StoreError) -> Bool {
        guard let file else { return false }
        return try StoreFile.Identity(of: path).inode != file
    }

    /// Reads the identity without changing the file.
    ///
    /// - Returns: `nil` when there is no store.
    package static func look(at path: String) async throws(StoreError) -> StoreIdentity? {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { database in
                guard try StoreFile.check(database, of: path, mayBeEmpty: true) != .none else { return nil }
                return try StoreConnection(database).identity()
            } ?? nil
        }
    }
}

extension SQLiteStore {
    package func identity() async throws(StoreError) -> StoreIdentity { try await read { try $0.identity() } }

    /// Records the key ring that the store belongs to, and adds a row to the audit log. A store with a key ring is not changed.
    ///
    /// - Parameter ring: the id of the key ring.
    package func pair(with ring: String, by actor: AuditActor, at now: Timestamp) async throws(StoreError) {
        try await write { transaction in
            let identity = try transaction.connection.identity()
            guard identity.ring == nil else { return }
            // This comes first, because a log can only begin in a store without a ring.
            try transaction.audit(AuditEntry(paired: identity.store, with: ring, by: actor, at: now))
            try transaction.connection.run("UPDATE identity SET ring = ?", ring)
        }
    }

    /// Records this file as the store, so that a plain copy is recognised as a copy.
    package func rememberFile() async throws(StoreError) {
        let inode = writer.file.inode
        guard try await identity().file != inode else { return }
        try await write { try $0.connection.run("UPDATE identity SET file = ?", inode) }
    }

    /// Adds an operator's act to the audit log.
    package func note(_ act: OperatorAct, by actor: AuditActor, at now: Timestamp) async throws(StoreError) {
        try await write { transaction in
            try transaction.audit(AuditEntry(act, by: actor, at: now))
            if act.action == .storeBackedUp { transaction.set(.lastBackup, to: now.millisecondsSinceEpoch) }
        }
    }
}

extension StoreConnection {
    func identity() throws -> StoreIdentity {
        let identity = try first("SELECT store, ring, is_copy, file FROM identity") {
            StoreIdentity(store: $0.text(0), ring: $0.optional(1, $0.text), isCopy: $0.bool(2), file: $0.optional(3, $0.integer))
        }
        guard let identity else { throw StoreError(.corrupt, "The store has lost its id: restore it from a backup.") }
        return identity
    }
}
