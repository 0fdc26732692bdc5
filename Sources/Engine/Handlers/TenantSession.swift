import Autotask
import Contract
import Store

/// Calls to Autotask over a lane's stored connection, for one attempt at a job.
///
/// The first 401, a refusal of the credentials, ends the session. Later calls fail at once without being sent, because repeated failures
/// lock the customer's API user (`Decisions` 6). It is not `Sendable`, so the compiler ensures that a lane makes one call at a time. The
/// first call of an attempt therefore runs alone.
///
/// The session collects what the calls show about the connection: ``changes`` and ``stateEvents``. The handler puts them into its outcome,
/// however the job ends.
final class TenantSession {
    /// The present connection. ``call(_:)`` replaces its zone if the database moved. A handler writes here what it learns about the API
    /// user.
    var connection: ConnectionRecord
    /// `connection.lost`, if this session lost it, or `connection.recovered`. They precede the job's terminal event.
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
    /// - Throws: `not_connected`, `api_user_locked_or_inactive` or `database_changed` from the stored state, or `internal` if another key
    ///   ring sealed the credentials.
    convenience init(_ context: JobContext) throws(JobError) {
        if let error = context.state.connection?.lossError { throw error }
        try self.init(verifying: context)
    }

    /// Opens a connection whose database may have changed, which ``verifyZone()`` checks. No call is made.
    ///
    /// - Throws: as ``init(_:)``, except `database_changed`.
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
    /// The database may have moved to another zone. After a 401, a redirect, a missing route or an unknown host name, the session looks up
    /// the zone again. It does so once in an attempt, without a secret. If another zone serves the same database now, the session remembers
    /// it and repeats the call there once.
    ///
    /// - Parameter body: one call, or several that only read, because it may run twice. A call whose outcome is unknown is never repeated.
    func call<Value>(_ body: (AutotaskSession) async throws(AutotaskError) -> Value) async throws(CallFailure) -> Value {
        if let end { throw end }
        try await renewReading()
        let first: AutotaskError
        do { return try await body(session) } catch {
            guard try await hasMoved(after: error) else { throw failure(of: error) }
            first = error
        }
        do { return try await body(session) } catch {
            // An abandoned repetition has no error of its own. A refusal by the former zone does not count: that zone no longer serves the
            // credentials.
            let isGivenUp = error.kind == .outOfTime && !error.isOutcomeUnknown && !first.isRefusalOfCredentials
            throw failure(of: isGivenUp ? first : error)
        }
    }

    /// Reads the usage of the database's quota if that is due. If the query fails, the job continues, unless Autotask refuses the
    /// credentials.
    private func renewReading() async throws(CallFailure) {
        guard context.quotas.claimReading(for: context.callPriority, of: connection.databaseID, at: context.now) else { return }
        do { try await readThreshold() } catch { if let end { throw end } }
    }

    /// Reads the usage of the database's quota. The query does not count among a job's calls.
    func readThreshold() async throws(CallFailure) {
        if let end { throw end }
        do {
            context.quotas.read(try await session.requestThreshold(), of: connection.databaseID, at: context.now)
            context.noteUsage(of: connection.databaseID)
        } catch {
            guard error.isRefusalOfCredentials else { throw CallFailure(error, in: context) }
            guard try await hasMoved(after: error) else { throw failure(of: error) }
        }
    }

    /// Looks up the zone of the database, without a secret, and follows the database if it has moved.
    ///
    /// - Throws: `database_changed` if the API user now belongs to another database, which ends the session and the connection. Any other
    ///   failure ends neither.
    func lookUpZone() async throws(CallFailure) {
        if let end { throw end }
        let found: DiscoveredZone
        do { found = try await discoverZone() } catch { throw CallFailure(error, in: context) }
        _ = try follow(found, after: nil)
    }

    /// The changes of the connection to remember. The handler adds its own.
    var changes: LaneChanges {
        LaneChanges(
            connection: connection == stored ? .keep : .set(connection),
            refusedCredentials: refusal.map { .remember($0) } ?? .keep
        )
    }

    /// Makes sure that the database is still the same, before anything is sent to it. It looks up the zone, and follows the database
    /// silently if it has moved. A connection that led to another database for a while is usable again when its own is back.
    ///
    /// A user whose zone Autotask does not know may have been deleted. The look-up does not prove it; the known zone's answer to the
    /// credentials does.
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

    /// Looks up the zone again if the failure may mean that it changed.
    ///
    /// - Returns: whether another zone serves the same database, so that the call may be repeated there.
    private func hasMoved(after error: AutotaskError) async throws(CallFailure) -> Bool {
        guard error.mayMeanZoneMoved, !error.isOutcomeUnknown, !hasLookedUpZone else { return false }
        let found: DiscoveredZone
        do { found = try await discoverZone() } catch {
            // The look-up failed, so the first failure counts.
            return false
        }
        return try follow(found, after: error)
    }

    /// Looks up the zone of the database, once in an attempt and without a secret.
    private func discoverZone() async throws(AutotaskError) -> DiscoveredZone {
        hasLookedUpZone = true
        return try await context.zone(for: credentials)
    }

    /// Switches to the zone that serves the database now.
    ///
    /// - Parameter cause: the failure that led to the look-up, if one did.
    /// - Returns: whether that is another zone.
    /// - Throws: if it is another database, to which no call is made.
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
