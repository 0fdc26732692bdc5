import Autotask
import Contract
import Store

/// Checks whether the lane's connection works, and reads again what its API user may do (`Rules` A17, L14).
///
/// It makes four calls, like a connect. The zone look-up comes first and carries no secret, so nothing is sent to another company's
/// database. Credentials that Autotask refused are not tried again: a connect has to bring others (`Decisions` 6). The access gate does not
/// apply.
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
            return session.outcome(of: error, reporting: context.connectionFailed(error.error, isPreviousActive: isActive))
        }
        session.connection.learn(profile)
        return .finished(session.stateEvents + [verifiedEvent(session.connection, context)], changes: session.changes)
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
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

    /// The failed event of a job that made no call.
    private func failureEvent(_ error: JobError, _ context: JobContext) -> Event {
        context.connectionFailed(error, isPreviousActive: context.state.connection?.status == .connected)
    }
}

extension ConnectionRecord {
    /// Remembers the present profile of the API user. The visibility of costs stays, because a profile does not show it.
    fileprivate mutating func learn(_ profile: APIUserProfile) {
        let costVisible = capabilities.costVisible
        capabilities = profile.capabilities
        capabilities.costVisible = costVisible
        serviceFields = profile.serviceFields.json.encoded
    }
}
