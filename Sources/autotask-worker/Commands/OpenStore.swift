import Engine
import Glibc
import SQLiteStore
import Store
import Synchronization
import Telemetry
import Vault

/// The store that the settings name, which has to exist. Reading it needs no key ring. Only `run` migrates it.
enum OpenStore {
    /// Opens the store, calls `body` with it, and closes it.
    static func using<Value>(_ settings: Configuration, _ body: (any OperatorStore) async throws -> Value) async throws -> Value {
        let path = try settings.storePath
        let store: any OperatorStore
        do { store = try await SQLiteStore(path: path, mustExist: true, migrating: false, auditing: nil) } catch {
            if error.code == .olderSchema || error.code == .newerSchema { throw Failure(.unavailable, error.message) }
            throw Failure(.unavailable, error.message, hint: "Check STORE_URL." + PairedStore.firstStart(path))
        }
        store.observeSetAside { Terminal.complain("A row of the store cannot be read; see autotask-worker doctor. \($0)") }
        return try await store.closed(after: await body(store))
    }
}

/// The store that the settings name, together with its key ring. A worker needs both, and so does every command that changes either.
///
/// A command on the wrong store would find none of the rows that the keys seal, and destroy keys that are in use. Hence each
/// remembers the other, and both directions are checked. Only an operator's command changes a pairing.
struct PairedStore {
    let store: SQLiteStore
    let vault: Vault

    /// How many credentials keys are tried when neither remembers the other: enough to skip a few damaged keys, and few for one lock.
    private static let trial = 100

    /// - Parameters:
    ///   - settings: the settings that name the store and the ring.
    ///   - mayCreate: whether to create the store if there is none and the ring belongs to no store.
    ///   - isWorker: whether to migrate an older store; a command refuses it.
    ///   - remembers: whether to pair the two if they are not paired yet.
    ///   - instruments: where the store records what it does.
    /// - Throws: ``Failure`` with status 69 when there is no store, or the two do not belong together. Then nothing was changed.
    init(
        _ settings: Configuration,
        mayCreate: Bool = false,
        isWorker: Bool = false,
        remembers: Bool = false,
        instruments: Instruments = .none
    ) async throws {
        let path = try settings.storePath
        let source = try settings.keyRingSource
        let ring = try await settings.keyRing
        vault = Vault(ring, source: source)
        let mustExist = !mayCreate || PairedStore.isThere(path)
        if !mustExist, let id = ring.storeID {
            throw Failure(
                .unavailable,
                "There is no store \(path), and the key ring \(source) belongs to the store \(id): no other store is created for it.",
                hint: PairedStore.hint + " If its store is lost for good and there is no backup: autotask-worker keys forget-store."
            )
        }
        do {
            // Checked before it is opened for writing: a store of another ring stays unchanged.
            if let identity = try await StoreIdentity.look(at: path) {
                if let mismatch = PairedStore.mismatch(identity, ring, path: path, source: "\(source)") { throw mismatch }
                if !isWorker, try identity.isElsewhere(than: path) { throw PairedStore.elsewhere(path) }
            }
            store = try await SQLiteStore(
                path: path,
                mustExist: mustExist,
                migrating: isWorker,
                auditing: AuditChain(vault),
                instruments: instruments
            )
        } catch let error as StoreError {
            if error.code == .olderSchema || error.code == .newerSchema { throw Failure(.unavailable, error.message) }
            throw Failure(.unavailable, error.message, hint: PairedStore.hint + (ring.storeID == nil ? PairedStore.firstStart(path) : ""))
        }
        do {
            let identity = try await store.identity()
            if let mismatch = PairedStore.mismatch(identity, ring, path: path, source: "\(source)") { throw mismatch }
            if identity.ring == nil { try await tryKeys(path, "\(source)") }
            if isWorker { try await store.rememberFile() }
            if remembers {
                try await store.pair(with: ring.id, by: .caller, at: SystemTime.now)
                // A ring that cannot be written remembers no store: then only the store's record is checked.
                if ring.storeID == nil, let file = source as? KeyRingFile {
                    try? await file.update { $0.belonging(to: $0.storeID ?? identity.store) }
                }
            }
        } catch {
            await store.close()
            throw error
        }
    }

    /// Opens both, calls `body` with them, and closes the store.
    static func using<Value>(
        _ settings: Configuration,
        remembers: Bool = false,
        _ body: (SQLiteStore, Vault) async throws -> Value
    ) async throws -> Value {
        let paired = try await PairedStore(settings, remembers: remembers)
        return try await paired.store.closed(after: await body(paired.store, paired.vault))
    }

    /// The advice for a first start; empty if there is a file.
    fileprivate static func firstStart(_ path: String) -> String {
        isThere(path) ? "" : " For a first start, and only then: STORE_CREATE=yes autotask-worker run"
    }

    private static let hint = "Check STORE_URL and VAULT_KEYS, and whether their volumes are mounted."

    /// Why a store and a ring do not belong together; `nil` if their records do not contradict each other.
    static func mismatch(_ store: StoreIdentity, _ ring: KeyRing, path: String, source: String) -> Failure? {
        if store.isCopy {
            return Failure(
                .unavailable,
                "\(path) is a copy that 'store backup' wrote, not the store.",
                hint: "Check STORE_URL. To restore the copy: autotask-worker store restore FILE"
            )
        }
        if let id = ring.storeID, id != store.store {
            return Failure(
                .unavailable,
                "The key ring \(source) belongs to the store \(id), but \(path) is the store \(store.store).",
                hint: hint
            )
        }
        if let id = store.ring, id != ring.id {
            return Failure(
                .unavailable,
                "The store \(path) belongs to the key ring \(id), but \(source) is the key ring \(ring.id).",
                hint: hint
            )
        }
        return nil
    }

    /// The failure for a plain copy of a store's file: its records are those of the store, except for the identity of the file.
    static func elsewhere(_ path: String) -> Failure {
        Failure(
            .unavailable,
            "\(path) is not the file that a worker ran on last: it is a copy, or the store was moved.",
            hint: "Check STORE_URL. If this is the store, start a worker on it first: autotask-worker run"
        )
    }

    /// Checks, for a command that only reads, that store and ring belong together, as far as they remember each other. It may be a copy.
    ///
    /// - Returns: `nil` when there is no store.
    @discardableResult
    static func checkReading(_ settings: Configuration) async throws -> StoreIdentity? {
        let path = try settings.storePath
        guard var identity = try await StoreIdentity.look(at: path) else { return nil }
        identity.isCopy = false
        let source = try settings.keyRingSource.description
        if let mismatch = mismatch(identity, try await settings.keyRing, path: path, source: source) { throw mismatch }
        return identity
    }

    /// Whether there is a file that is not empty, or the path cannot be examined. An empty file is no store.
    static func isThere(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno != ENOENT }
        return status.st_size > 0 || status.st_mode & S_IFMT != S_IFREG
    }

    /// Tries the ring on a store that remembers none yet.
    private func tryKeys(_ path: String, _ source: String) async throws {
        let opened = Mutex(0)
        let vault = vault
        // The keys are only tried, not wrapped again.
        let step = try await store.rewrapKeys(after: nil, limit: PairedStore.trial) { lane, wrapped in
            if vault.opensCredentialsKey(wrapped, lane: lane) { opened.withLock { $0 += 1 } }
            return nil
        }
        guard step.seen == 0 || opened.withLock({ $0 }) > 0 else {
            throw Failure(
                .unavailable,
                "The key ring \(source) opens none of the \(step.seen.of("credentials key")) that were tried in the store \(path).",
                hint: PairedStore.hint
            )
        }
    }
}

extension OpenedStore {
    /// Closes the store after `body` has returned or thrown.
    fileprivate func closed<Value>(after body: @autoclosure () async throws -> Value) async throws -> Value {
        do {
            let value = try await body()
            await close()
            return value
        } catch {
            await close()
            throw error
        }
    }
}
