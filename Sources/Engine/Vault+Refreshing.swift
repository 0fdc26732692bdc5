import Logging
import Telemetry
import Vault

extension Vault {
    /// Looks for keys that another process may have added, or taken away. Whatever that comes to, the work goes on with the keys at hand.
    func refresh(log: Logger) async {
        do { try await refresh() } catch {
            // Whoever watches the ring tells operators, and once: this is asked with every connect.
            log.debug("Keys that may have changed could not be looked for", metadata: .keys([.error: "\(error)"]))
        }
    }
}
