import Contract
import Logging
import Store
import Telemetry

extension JobContext {
    /// Logs when the usage of a database's quota has passed into another band, in which other calls wait (``CallPriority``).
    func noteUsage(of database: Int64) {
        guard let change = quotas.changeOfBand(of: database, at: now) else { return }
        log(
            .notice,
            "The used share of a database's hourly quota is in another band",
            .keys([.databaseID: "\(database)", .usedPercent: "\(change.usage.percent)", .band: "\(change.band.rawValue)"])
        )
        if change.band == .below50 {
            engine.barriers.fall(.database(database), .usage)
        } else {
            engine.barriers.stand(.database(database), .usage, percent: change.band.floor, at: now)
        }
    }

    /// Notes that a call waits, if the worker's own share of the quota is the reason.
    func noteShare(of database: Int64, until moment: Timestamp) {
        guard quotas.usage(of: database, at: now).cause(for: callPriority) == .share else { return }
        engine.barriers.stand(.database(database), .share, until: moment, at: now)
    }
}
