import Autotask
import Contract
import Synchronization

/// The ``DatabaseQuota`` of each Autotask database that this worker calls. They exist only in memory; another worker keeps its own.
final class DatabaseQuotas: Sendable {
    private struct State {
        var quotas: [Int64: DatabaseQuota] = [:]
        /// When quotas that need not be remembered were last dropped.
        var sweptAt: Timestamp?
    }

    private static let sweepInterval: Duration = .seconds(600)

    private let share: @Sendable () -> Int
    private let state = Mutex(State())

    /// - Parameter share: the worker's maximum share of a database's quota, in percent. It is read for each call, because it may change.
    init(share: @autoclosure @escaping @Sendable () -> Int) { self.share = share }

    /// See ``DatabaseQuota/admit(_:at:)``.
    func admit(_ priority: CallPriority, to database: Int64, at now: Timestamp) -> DatabaseQuota.Admission {
        with(database, at: now) { $0.admit(priority, at: now) }
    }

    /// See ``DatabaseQuota/count(at:)``.
    func count(for database: Int64, at now: Timestamp) { with(database, at: now) { $0.count(at: now) } }

    /// See ``DatabaseQuota/uncount(at:)``.
    func uncount(for database: Int64, at moment: Timestamp) { with(database, at: moment) { $0.uncount(at: moment) } }

    /// See ``DatabaseQuota/claimReading(for:at:)``.
    func claimReading(for priority: CallPriority, of database: Int64, at now: Timestamp) -> Bool {
        with(database, at: now) { $0.claimReading(for: priority, at: now) }
    }

    /// See ``DatabaseQuota/read(_:at:)``.
    func read(_ threshold: RequestThreshold, of database: Int64, at now: Timestamp) {
        with(database, at: now) { $0.read(threshold, at: now) }
    }

    /// See ``DatabaseQuota/freshReading(at:)``.
    func freshReading(of database: Int64, at now: Timestamp) -> RequestThreshold? {
        with(database, at: now) { $0.freshReading(at: now) }
    }

    func usage(of database: Int64, at now: Timestamp) -> DatabaseQuota.Usage { with(database, at: now) { $0.usage(at: now) } }

    /// See ``DatabaseQuota/changeOfBand(at:)``.
    func changeOfBand(of database: Int64, at now: Timestamp) -> (band: QuotaBand, usage: DatabaseQuota.Usage)? {
        with(database, at: now) { $0.changeOfBand(at: now) }
    }

    /// The bands of the databases that were called lately.
    func bands(at now: Timestamp) -> [QuotaBand] {
        state.withLock { state in state.quotas.keys.map { QuotaBand(state.quotas[$0]!.usage(at: now)) } }
    }

    /// The number of remembered databases.
    var count: Int { state.withLock { $0.quotas.count } }

    private func with<Value>(_ database: Int64, at now: Timestamp, _ body: (inout DatabaseQuota) -> Value) -> Value {
        let share = share()
        return state.withLock { state in
            sweep(&state, at: now)
            state.quotas[database, default: DatabaseQuota(share: share)].share = share
            return body(&state.quotas[database, default: DatabaseQuota(share: share)])
        }
    }

    private func sweep(_ state: inout State, at now: Timestamp) {
        guard let sweptAt = state.sweptAt, now >= sweptAt else {
            state.sweptAt = now
            return
        }
        guard now - sweptAt >= DatabaseQuotas.sweepInterval else { return }
        state.sweptAt = now
        for database in state.quotas.keys where state.quotas[database]?.isAtRest(at: now) == true { state.quotas[database] = nil }
    }
}
