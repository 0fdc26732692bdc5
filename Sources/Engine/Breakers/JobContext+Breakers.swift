import Logging
import Telemetry

extension JobContext {
    /// Logs, traces and counts circuit breakers that this attempt's call opened or closed.
    func note(_ changes: [CircuitBreakers.Change]) {
        for change in changes {
            trace?.changed(change)
            if change.isClosed {
                log(.notice, "A part of Autotask works again; calls to it are no longer held back", change.metadata)
            } else {
                engine.meters.opened(change.target)
                log(
                    change.isLimiting ? .notice : .warning,
                    "A part of Autotask does not work or limits requests; calls to it are held back and tried one at a time",
                    change.metadata
                )
            }
        }
    }
}

extension CircuitBreakers.Change {
    /// Never the digest of credentials: the log line names their tenant.
    fileprivate var metadata: Logger.Metadata {
        let scope = BreakerScope(target).rawValue
        return switch target {
        case .zone(let host): .keys([.scope: "\(scope)", .host: "\(host)"])
        case .database(let id): .keys([.scope: "\(scope)", .databaseID: "\(id)"])
        case .credentials: .keys([.scope: "\(scope)"])
        }
    }
}
