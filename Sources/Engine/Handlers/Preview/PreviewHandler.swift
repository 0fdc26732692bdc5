import Autotask
import Contract
import Store

/// Tells exactly what a sync of the same plan would do now, and writes nothing: the first phase of a sync, and no second.
struct PreviewHandler: JobHandler {
    func run(_ payload: SyncPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        try await PreviewAttempt(payload, context).run()
    }

    /// It writes nothing to Autotask, so there is nothing to tell but the reason.
    func conclude(_ payload: SyncPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        PreviewAttempt(payload, context).failed(reason)
    }
}

/// One attempt to preview a plan.
struct PreviewAttempt {
    private let payload: SyncPayload
    private let context: JobContext
    private let memory: PlanMemory

    init(_ payload: SyncPayload, _ context: JobContext) {
        self.payload = payload
        self.context = context
        memory = PlanMemory(context.state, planID: payload.planID)
    }

    func run() async throws(StoreError) -> HandlerOutcome {
        if let error = memory.incompleteness(of: payload) { return .finished([context.event(.jobRejected, ["error": error.json])]) }
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return failed(error) }
        if let moment = context.state.unsettledUntil(settleTime: context.settings.settleTime, now: context.now) {
            return deferred(JobError(.outcomeUnknown), earliest: moment)
        }
        let adoption = try await Adoption(payload, memory: memory, context)
        let preparation: SyncPreparation
        do { preparation = try await SyncPreparation(payload, memory: memory, adoption: adoption, context, session) } catch {
            guard case .retry(let earliest) = error.consequence else { return failed(error.error, session) }
            return deferred(error.error, earliest: earliest, session)
        }
        let forecast = SyncForecast(payload, preparation, memory, context, webURL: session.connection.zone.webURL)
        var changes = session.changes(learning: preparation)
        if let codes = preparation.billingCodes { changes.billingCodes = .set(codes.cached) }
        return .finished(
            session.stateEvents + [context.event(.syncPreviewed, forecast.members)],
            changes: changes,
            apiCalls: session.apiCalls
        )
    }

    /// Autotask could not be asked, or not compared.
    func failed(_ error: JobError, _ session: TenantSession? = nil) -> HandlerOutcome {
        .finished(
            (session?.stateEvents ?? []) + [failureEvent(error, session)],
            changes: session?.changes ?? LaneChanges(),
            apiCalls: session?.apiCalls ?? 0
        )
    }

    private func deferred(_ error: JobError, earliest: Timestamp?, _ session: TenantSession? = nil) -> HandlerOutcome {
        .transient(
            error,
            earliest: earliest,
            failure: failureEvent(error, session),
            events: session?.stateEvents ?? [],
            changes: session?.changes ?? LaneChanges(),
            apiCalls: session?.apiCalls ?? 0
        )
    }

    private func failureEvent(_ error: JobError, _ session: TenantSession?) -> Event {
        let report = SyncReport(
            message: error.message.withoutFullStop,
            planID: payload.planID,
            revision: payload.revision,
            apiCalls: context.job.apiCalls + (session?.apiCalls ?? 0),
            services: SyncLedger(payload.services, memory: memory, brake: context.settings.brake, includesOpenWrites: false).results,
            webURL: context.state.connection?.zone.webURL,
            error: error
        )
        return context.event(.syncFailed, report.members)
    }
}

extension TenantSession {
    /// What is to be remembered of the connection, with what was learned of costs.
    func changes(learning preparation: SyncPreparation) -> LaneChanges {
        if let isVisible = preparation.costs.remembered { connection.capabilities.costVisible = isVisible }
        return changes
    }
}
