package import Contract
package import Store
import Synchronization
package import Vault

/// Wraps the credentials keys of all lanes again, under the ring's active key, while workers run. No credentials are opened.
///
/// Each step is one transaction. A run that is interrupted is repeated from the beginning, and skips the keys that are wrapped already.
package struct KeyRewrapping: Sendable {
    /// The number of lanes in one transaction, for which others wait some milliseconds.
    private static let step = 200

    package struct Outcome: Hashable, Sendable {
        /// The number of credentials keys in the store.
        package var seen = 0
        package var rewrapped = 0
        /// Lanes whose key the ring cannot open. They stay as they are.
        package var unopenable: [Lane] = []

        package init() {}
    }

    private let store: any StoredKeys
    private let vault: Vault

    package init(store: any StoredKeys, vault: Vault) {
        self.store = store
        self.vault = vault
    }

    /// - Parameter onStep: gets the outcome after each step.
    package func run(onStep: (Outcome) -> Void = { _ in }) async throws(StoreError) -> Outcome {
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
            onStep(outcome)
        } while last != nil
        return outcome
    }
}
