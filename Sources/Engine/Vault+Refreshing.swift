import Logging
import Telemetry
import Vault

extension Vault {
    /// Looks for keys that another process may have added, or taken away. Whatever that comes to, the work goes on with the keys at hand.
    func refresh(log: Logger) async {
        do { try await refresh() } catch {
            log.error("The key ring cannot be read again", metadata: .keys([.error: "\(error)"]))
        }
    }
}
