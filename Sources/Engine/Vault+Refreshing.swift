import Logging
import Telemetry
import Vault

extension Vault {
    /// Looks for keys that another process may have added or removed. If that fails, the work continues with the present keys.
    func refresh(log: Logger) async {
        do { try await refresh() } catch {
            // The watch on the key ring warns operators, and only once. This function runs with every connect.
            log.debug("The key ring could not be read again", metadata: .keys([.error: "\(error)"]))
        }
    }
}
