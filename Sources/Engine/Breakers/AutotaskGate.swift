import Autotask
import Contract
import Store

/// The gate that one attempt's calls pass. It holds calls back where Autotask does not work, or where the database's quota is left to calls
/// of higher priority. It admits none once another worker may have taken the lane over (``JobContext/holdsLane``).
struct AutotaskGate: CallGate {
    private let context: JobContext
    private let databaseID: Int64?
    private let targets: [CircuitBreakers.Target]

    /// - Parameters:
    ///   - url: the address of the calls.
    ///   - databaseID: the tenant's database, if it is known.
    ///   - digest: the digest of the credentials that are sent, if any.
    init(_ context: JobContext, url: String, databaseID: Int64?, credentials digest: [UInt8]?) {
        self.context = context
        self.databaseID = databaseID
        targets = CircuitBreakers.Target.all(host: CallTarget.recent(url: url).host, database: databaseID, credentials: digest)
    }

    func admit(_ operation: AutotaskOperation) throws(AutotaskError) -> (AutotaskError?) -> Void {
        let now = context.now
        // The job has to end: no further call is made.
        if let deadline = context.callDeadline, now >= deadline { throw AutotaskError(.outOfTime) }
        switch context.breakers.admit(targets, at: now, fraction: context.engine.entropy.fraction) {
        case .go(let tickets):
            if case .wait(let moment) = quotaAdmission(to: operation, at: now) {
                let error = AutotaskError(.heldBack(.quota), retryAfter: moment - now)
                // No call was made, so the breakers learn nothing.
                context.breakers.ended(tickets, error, at: now, fraction: context.engine.entropy.fraction)
                context.holdUp(.quota)
                context.trace?.heldBack(operation, .quota, for: moment - now)
                throw error
            }
            return { [context, databaseID] failure in
                if let databaseID, failure?.isRefusalOfCredentials == true { context.quotas.uncount(for: databaseID, at: now) }
                if operation.isWrite, failure == nil { context.noteWrite() }
                context.note(context.breakers.ended(tickets, failure, at: context.now, fraction: context.engine.entropy.fraction))
            }
        case .wait(let moment, let isLimiting):
            // A job can run without knowing the usage.
            let reason: AutotaskError.HoldingReason = isLimiting ? .limits : .outage
            if operation != .threshold { context.holdUp(HoldReason(reason)) }
            context.trace?.heldBack(operation, HoldReason(reason), for: moment - now)
            throw AutotaskError(.heldBack(reason), retryAfter: moment - now)
        }
    }

    var mayStillCall: @Sendable () -> Bool {
        { [engine = context.engine, worker = context.claim.token.worker] in engine.worker.holds(as: worker, at: engine.now) }
    }

    private func quotaAdmission(to operation: AutotaskOperation, at now: Timestamp) -> DatabaseQuota.Admission {
        // A zone look-up uses no quota of a database.
        guard let databaseID else { return .go }
        guard operation != .threshold else {
            context.quotas.count(for: databaseID, at: now)
            return .go
        }
        defer { context.noteUsage(of: databaseID) }
        let admission = context.quotas.admit(context.callPriority, to: databaseID, at: now)
        if case .wait(let moment) = admission { context.noteShare(of: databaseID, until: moment) }
        return admission
    }
}
