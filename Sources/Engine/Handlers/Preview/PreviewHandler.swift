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
        if let error = memory.incompleteness(of: payload) { return .finished([context.rejection(error)]) }
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return failed(error) }
        if let moment = context.state.unsettledUntil(settleTime: context.settings.settleTime, now: context.now) {
            let error = JobError(.outcomeUnknown)
            return .transient(error, earliest: moment, failure: failureEvent(error))
        }
        let adoption = try await Adoption(payload, memory: memory, context)
        let preparation: SyncPreparation
        do { preparation = try await SyncPreparation(payload, memory: memory, adoption: adoption, context, session) } catch {
            return session.outcome(of: error, telling: failureEvent(error.error, session))
        }
        let forecast = SyncForecast(payload, preparation, memory, context, webURL: session.connection.zone.webURL)
        session.learn(preparation.costs)
        var changes = session.changes
        if let codes = preparation.billingCodes { changes.billingCodes = .set(codes.cached) }
        return .finished(
            session.stateEvents + [context.event(.syncPreviewed, forecast.members)],
            changes: changes,
            apiCalls: session.apiCalls
        )
    }

    /// Autotask was not asked.
    func failed(_ error: JobError) -> HandlerOutcome { .finished([failureEvent(error)]) }

    private func failureEvent(_ error: JobError, _ session: TenantSession? = nil) -> Event {
        let report = SyncReport(
            message: error.message.withoutFullStop,
            planID: payload.planID,
            revision: payload.revision,
            apiCalls: context.job.apiCalls + (session?.apiCalls ?? 0),
            services: SyncLedger(payload.services, memory: memory, brake: context.brake(of: payload), includesOpenWrites: false).results,
            webURL: context.state.connection?.zone.webURL,
            error: error
        )
        return context.event(.syncFailed, report.members)
    }
}
