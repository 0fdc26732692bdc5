import Logging
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
    }
}
