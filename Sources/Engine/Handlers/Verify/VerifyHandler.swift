import Autotask
import Contract
import Store

/// Finds out whether the lane's connection works, and reads again what its API user may do (`Rules` A17, L14).
///
/// It takes four calls, as a connect does: the zone look-up comes first and carries no secret, so that nothing is sent to another company's
/// database. Credentials that Autotask refused are not tried again: a connect has to bring others (`Decisions` 6). Nobody is kept from it
/// by the access gate.
struct VerifyHandler: JobHandler {
    func run(_ payload: VerifyPayload, _ context: JobContext) async -> HandlerOutcome {
        let session: TenantSession
        do { session = try TenantSession(verifying: context) } catch { return .failed(error, [failureEvent(error, context)]) }
        let profile: APIUserProfile
        do {
            try await session.verifyZone()
            profile = try await session.call { session async throws(AutotaskError) in try await APIUserProfile(session) }
        } catch {
            let isActive = session.connection.status == .connected
            return session.outcome(of: error, telling: context.connectionFailed(error.error, isPreviousActive: isActive))
        }
        session.connection.learn(profile)
        return .finished(session.stateEvents + [verifiedEvent(session.connection, context)], changes: session.changes)
    }

    /// It writes nothing to Autotask, so there is nothing to tell but the reason.
    func conclude(_ payload: VerifyPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        .failed(reason, [failureEvent(reason, context)])
    }

    private func verifiedEvent(_ connection: ConnectionRecord, _ context: JobContext) -> Event {
        context.event(
            .connectionVerified,
            [
                "zone": connection.zone.json,
                "databaseId": JSON(connection.databaseID),
                "capabilities": connection.capabilities.json,
            ]
        )
    }

    /// What is told without a call.
    private func failureEvent(_ error: JobError, _ context: JobContext) -> Event {
        context.connectionFailed(error, isPreviousActive: context.state.connection?.status == .connected)
    }
}

extension ConnectionRecord {
    /// Remembers what there is to know of the API user by now. What syncs have found out of costs stays: this does not tell.
    fileprivate mutating func learn(_ profile: APIUserProfile) {
        let costVisible = capabilities.costVisible
        capabilities = profile.capabilities
        capabilities.costVisible = costVisible
        serviceFields = profile.serviceFields.json.encoded
    }
}
