import Autotask
import Contract
import Store

/// The gate through which one attempt's calls go: held back where Autotask does not work, or where so much of the database's quota is used
/// that others come first; and none once another may have taken the lane over (``JobContext/holdsLane``): the lane's calls are that one's then.
struct AutotaskGate: CallGate {
    private let context: JobContext
    private let databaseID: Int64?
    private let targets: [CircuitBreakers.Target]

    /// - Parameters:
    ///   - url: where the calls go.
    ///   - databaseID: of the tenant, if it is known.
    ///   - digest: of the credentials that are sent, if any are.
    init(_ context: JobContext, url: String, databaseID: Int64?, credentials digest: [UInt8]?) {
        self.context = context
        self.databaseID = databaseID
        targets =
            [.zone(host: CallTarget(url: url).host)] + (databaseID.map { [.database($0)] } ?? [])
            + (digest.map { [.credentials($0)] } ?? [])
    }

    func admit(_ operation: AutotaskOperation) throws(AutotaskError) -> (AutotaskError?) -> Void {
        let now = context.now
        // The job has to end: no further call is made.
        if let deadline = context.callDeadline, now >= deadline { throw AutotaskError(.outOfTime) }
        switch context.breakers.admit(targets, at: now, fraction: context.engine.entropy.fraction()) {
        case .go(let tickets):
            if case .wait(let moment) = quotaAdmission(to: operation, at: now) {
                let error = AutotaskError(.heldBack(.quota), retryAfter: moment - now)
                // Nothing was asked, so nothing is learned.
                context.breakers.ended(tickets, error, at: now, fraction: context.engine.entropy.fraction())
                context.holdUp()
                throw error
            }
            return { [context] failure in
                if operation.isWrite, failure == nil { context.noteWrite() }
                context.breakers.ended(tickets, failure, at: context.now, fraction: context.engine.entropy.fraction())
            }
        case .wait(let moment, let isLimiting):
            // A job can do without knowing the usage.
            if operation != .threshold { context.holdUp() }
            throw AutotaskError(.heldBack(isLimiting ? .limits : .outage), retryAfter: moment - now)
        }
    }

    var mayStillCall: @Sendable () -> Bool {
        { [engine = context.engine, worker = context.claim.token.worker] in engine.worker.holds(as: worker, at: engine.now) }
    }

    private func quotaAdmission(to operation: AutotaskOperation, at now: Timestamp) -> DatabaseQuota.Admission {
        // Where the tenant's database is looked up, no quota is used.
        guard let databaseID else { return .go }
        guard operation != .threshold else {
            context.quotas.count(for: databaseID, at: now)
            return .go
        }
        return context.quotas.admit(context.callPriority, to: databaseID, at: now)
    }
}
