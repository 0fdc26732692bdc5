import Logging
import ServiceLifecycle
import Telemetry
import Vault

/// Checks every 2 seconds whether the key ring has changed, so that `keys rotate` and `keys retire` need no restart.
struct KeyRingWatch: Service {
    private static let interval: Duration = .seconds(2)

    let vault: Vault
    let log: Logger

    func run() async throws {
        var complaint: String?
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                try await vault.refresh()
                if complaint != nil { log.notice("The key ring can be read again") }
                complaint = nil
            } catch {
                // Logged once, not at every check.
                if complaint != error.message { log.error("The key ring cannot be reloaded", metadata: .keys([.error: "\(error)"])) }
                complaint = error.message
            }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: KeyRingWatch.interval) }
        }
    }
}
