package import Contract
package import Store
import Synchronization
package import Vault

/// Wraps the credentials keys of all lanes by the ring's active key, while workers go on. No credentials are opened.
///
/// It goes step by step, each a transaction: when it ends in between, it is done again from the beginning, and what is wrapped already is
/// passed over.
package struct KeyRewrapping: Sendable {
    /// Lanes in one transaction: others wait for it some milliseconds.
    private static let step = 200

    package struct Outcome: Hashable, Sendable {
        /// Credentials keys that there are.
        package var seen = 0
        package var rewrapped = 0
        /// Lanes whose key the ring does not open: they stay as they are.
        package var unopenable: [Lane] = []

        package init() {}
    }

    private let store: any StoredKeys
    private let vault: Vault

    package init(store: any StoredKeys, vault: Vault) {
        self.store = store
        self.vault = vault
    }

    package func run() async throws(StoreError) -> Outcome {
        var outcome = Outcome()
        var last: Lane?
        repeat {
            let unopenable = Mutex<[Lane]>([])
            let step = try await store.rewrapKeys(after: last, limit: KeyRewrapping.step) { [vault] lane, wrapped in
                do { return try vault.rewrap(wrapped, lane: lane) } catch {
                    unopenable.withLock { $0.append(lane) }
                    return nil
                }
            }
            outcome.seen += step.seen
            outcome.rewrapped += step.rewrapped
            // The transaction may have been tried more than once.
            outcome.unopenable += unopenable.withLock { Set($0) }.sorted { "\($0.tenant)" < "\($1.tenant)" }
            last = step.last
        } while last != nil
        return outcome
    }
}
