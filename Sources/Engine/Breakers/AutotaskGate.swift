import Autotask
import Contract

/// The gate through which one attempt's calls go: held back where Autotask does not work, and none once another may have taken the lane over
/// (``JobContext/holdsLane``): the lane's calls are that one's then.
struct AutotaskGate: CallGate {
    private let context: JobContext
    private let targets: [CircuitBreakers.Target]

    /// - Parameters:
    ///   - url: where the calls go.
    ///   - databaseID: of the tenant, if it is known.
    init(_ context: JobContext, url: String, databaseID: Int64?) {
        self.context = context
        let host = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
        targets = [.zone(host: host.lowercased())] + (databaseID.map { [.database($0)] } ?? [])
    }

    func admit() throws(AutotaskError) -> @Sendable (AutotaskError?) -> Void {
        let now = context.now
        switch context.breakers.admit(targets, at: now, fraction: context.entropy.fraction()) {
        case .go(let tickets):
            return { [context] failure in
                context.breakers.ended(tickets, failure, at: context.now, fraction: context.entropy.fraction())
            }
        case .wait(let moment, let isLimiting):
            context.holdUp()
            throw AutotaskError(.heldBack(wasRateLimited: isLimiting), retryAfter: moment - now)
        }
    }

    func mayStillCall() -> Bool { context.holdsLane }
}
