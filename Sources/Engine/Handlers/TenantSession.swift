import Autotask
import Contract
import Store

/// Calls to Autotask over a lane's stored connection, for one attempt at a job.
///
/// A refusal of the credentials, the first 401, ends the session: whatever is asked of it afterwards fails at once and without a call,
/// because repeated failures lock the customer's API user (`Decisions` 6). It is not `Sendable`, so the compiler sees to it that a lane
/// makes one call at a time; the first call of an attempt therefore runs alone.
///
/// What the calls tell of the connection is collected here, for the handler to put into its outcome, however the job ends: ``changes`` and
/// ``stateEvents``.
final class TenantSession {
    /// The connection as it stands now. A zone that moved is swapped in it by ``call(_:)``; what a handler learns of the API user, it
    /// writes here.
    var connection: ConnectionRecord
    /// `connection.lost`, if this session lost it, or `connection.recovered`. They stand before the job's terminal event.
    private(set) var stateEvents: [Event] = []

    let context: JobContext
    private let stored: ConnectionRecord
    private let credentials: AutotaskCredentials
    private var session: AutotaskSession
    private var hasLookedUpZone = false
    private var refusal: RefusedCredentials?
    /// Why no further call is made.
    private var end: CallFailure?

    /// Opens the lane's stored connection. No call is made.
    ///
    /// - Throws: why the lane cannot be worked with: `not_connected`, `api_user_locked_or_inactive` or `database_changed` from what is
    ///   remembered, `internal` if the key ring is not the one that sealed the credentials.
    convenience init(_ context: JobContext) throws(JobError) {
        if let error = context.state.connection?.lossError { throw error }
        try self.init(verifying: context)
    }

    /// Opens a connection that may lead to another database than before, for ``verifyZone()`` to find out. No call is made.
    ///
    /// - Throws: as ``init(_:)``, but for `database_changed`.
    init(verifying context: JobContext) throws(JobError) {
        guard let connection = context.state.connection else { throw JobError(.notConnected) }
        if connection.status == .credentialsRejected, let error = connection.lossError { throw error }
        self.context = context
        self.connection = connection
        stored = connection
        credentials = try context.storedCredentials(of: connection)
        session = context.autotaskSession(
            in: connection.zone,
            of: connection.databaseID,
            with: credentials,
            connection.credentialsDigest
        )
    }

    /// Makes a call.
    ///
    /// The database may have moved to another zone: on a 401, a redirect, a route that is not there, or a host name that is gone, the zone is
    /// looked up again, once in an attempt and without a secret. If the same database is served elsewhere by now, that is remembered, and the
    /// call is repeated there once.
    ///
    /// - Parameter body: one call, or several that only read: it may be run twice. A failure whose outcome is unknown is never repeated.
    func call<Value>(_ body: (AutotaskSession) async throws(AutotaskError) -> Value) async throws(CallFailure) -> Value {
        if let end { throw end }
        try await renewReading()
        let first: AutotaskError
        do { return try await body(session) } catch {
            guard try await hasMoved(after: error) else { throw failure(of: error) }
            first = error
        }
        do { return try await body(session) } catch {
            // A repetition that was given up says nothing of its own. The zone that refused the credentials does not serve them any more.
            let isGivenUp = error.kind == .outOfTime && !error.isOutcomeUnknown && !first.isRefusalOfCredentials
            throw failure(of: isGivenUp ? first : error)
        }
    }

    /// Asks how much of the database's quota is used, where that is due. Whatever becomes of the question, the job goes on; but credentials that
    /// are refused are refused here as well.
    private func renewReading() async throws(CallFailure) {
        guard context.quotas.claimReading(for: context.callPriority, of: connection.databaseID, at: context.now) else { return }
        do { try await readThreshold() } catch { if let end { throw end } }
    }

    /// Asks how much of the database's quota is used. It is not counted among a job's calls.
    func readThreshold() async throws(CallFailure) {
        if let end { throw end }
        do {
            context.quotas.read(try await session.requestThreshold(), of: connection.databaseID, at: context.now)
        } catch {
            guard error.isRefusalOfCredentials else { throw CallFailure(error, in: context) }
            guard try await hasMoved(after: error) else { throw failure(of: error) }
        }
    }

    /// Looks up who serves the database, without a secret, and follows it if that is another zone by now.
    ///
    /// - Throws: `database_changed` if it is another database: that ends the session and the connection. Any other failure ends neither.
    func lookUpZone() async throws(CallFailure) {
        if let end { throw end }
        let found: DiscoveredZone
        do { found = try await discoverZone() } catch { throw CallFailure(error, in: context) }
        _ = try follow(found, after: nil)
    }

    /// What is to be remembered of the connection: what the handler changes besides is added to it.
    var changes: LaneChanges {
        LaneChanges(
            connection: connection == stored ? .keep : .set(connection),
            refusedCredentials: refusal.map { .remember($0) } ?? .keep
        )
    }

    /// Makes sure that the same database is served, before anything is sent to it: the zone is looked up, and followed silently where it moved.
    /// A connection whose database was another for a while is usable again when its own is back.
    ///
    /// A user whose zone Autotask does not know may have been deleted. The look-up is no proof: what the zone that is known says of the
    /// credentials is.
    func verifyZone() async throws(CallFailure) {
        let found: DiscoveredZone
        do { found = try await discoverZone() } catch {
            if error.kind == .zoneNotFound, connection.status == .connected { return }
            throw CallFailure(error, in: context)
        }
        _ = try follow(found, after: nil)
        guard let error = connection.lossError else { return }
        connection.status = .connected
        stateEvents.append(context.connectionRecovered(from: error))
    }

    /// Looks the zone up again where the failure may mean that it changed.
    ///
    /// - Returns: whether the same database is served elsewhere, and the call may be repeated there.
    private func hasMoved(after error: AutotaskError) async throws(CallFailure) -> Bool {
        guard error.mayMeanZoneMoved, !error.isOutcomeUnknown, !hasLookedUpZone else { return false }
        let found: DiscoveredZone
        do { found = try await discoverZone() } catch {
            // Nothing is learned from it, so the first failure stands.
            return false
        }
        return try follow(found, after: error)
    }

    /// Looks up where the database is served, once in an attempt and without a secret.
    private func discoverZone() async throws(AutotaskError) -> DiscoveredZone {
        hasLookedUpZone = true
        return try await context.zone(for: credentials)
    }

    /// Goes where the database is served by now.
    ///
    /// - Parameter cause: the failure that led to the look-up, if one did.
    /// - Returns: whether that is elsewhere.
    /// - Throws: when it is another database: no call is made there.
    private func follow(_ found: DiscoveredZone, after cause: AutotaskError?) throws(CallFailure) -> Bool {
        guard found.databaseID == connection.databaseID else { throw lose(.databaseMismatch, JobError(.databaseChanged), cause) }
        guard found.zone.apiURL.lowercased() != connection.zone.apiURL.lowercased() else { return false }
        connection.zone = found.zone
        session = context.autotaskSession(in: found.zone, of: found.databaseID, with: credentials, connection.credentialsDigest)
        return true
    }

    private func failure(of error: AutotaskError) -> CallFailure {
        guard error.isRefusalOfCredentials else {
            let failure = CallFailure(error, in: context)
            if failure.consequence == .stop { end = failure }
            return failure
        }
        refusal = RefusedCredentials(digest: connection.credentialsDigest, at: context.now, code: .apiUserLockedOrInactive)
        return lose(.credentialsRejected, JobError(.apiUserLockedOrInactive, remote: error.jobError.remote), error)
    }

    /// Ends the session and the connection with it.
    private func lose(_ status: ConnectionRecord.Status, _ error: JobError, _ cause: AutotaskError?) -> CallFailure {
        if connection.status == .connected { stateEvents.append(context.connectionLost(error)) }
        connection.status = status
        let failure = CallFailure(.stop, error, cause: cause)
        end = failure
        return failure
    }
}
