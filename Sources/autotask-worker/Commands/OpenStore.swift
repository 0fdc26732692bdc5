import Glibc
import SQLiteStore
import Store

/// The store that the settings name, which has to exist. A command takes it as it is: only `run` brings it up to date.
struct OpenStore {
    let store: any Store

    /// - Parameters:
    ///   - settings: tell where it is.
    ///   - chain: what chains the audit log; `nil` to look at the store only.
    init(_ settings: Settings, auditing chain: AuditChain? = nil) async throws {
        let path = try settings.storePath
        do { store = try await SQLiteStore(path: path, mustExist: true, migrating: false, auditing: chain) } catch {
            if error.code == .olderSchema || error.code == .newerSchema { throw Failure(.unavailable, error.message) }
            throw Failure(
                .unavailable,
                "The store \(path) cannot be opened: \(error)",
                hint: "Check STORE_URL; autotask-worker run creates the store."
            )
        }
        store.observeSetAside { Terminal.complain("A row of the store cannot be read. \($0). See autotask-worker doctor.") }
    }

    /// Does something with the store, and closes it.
    ///
    /// - Returns: `nil` when there is no store yet.
    static func using<Value>(_ settings: Settings, _ body: (any Store) async throws -> Value) async throws -> Value? {
        guard access(try settings.storePath, F_OK) == 0 else { return nil }
        let store = try await OpenStore(settings).store
        do {
            let value = try await body(store)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }
}
