import Contract
import Store

/// Reports exactly what a sync of the same plan would do now, and writes nothing. It runs only the first phase of a sync.
struct PreviewHandler: JobHandler {
    func run(_ payload: SyncPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        let memory = PlanMemory(context.state, planID: payload.planID)
        if let error = memory.incompleteness(of: payload) { return .failed(error, [context.rejection(error)]) }
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return conclude(payload, because: error, context) }
        if let moment = context.state.unsettledUntil(settleTime: context.settings.settleTime, now: context.now) {
            let error = JobError(.outcomeUnknown)
            return .transient(error, earliest: moment, failure: failureEvent(error, payload, context))
        }
        let adoption = try await Adoption(payload, memory: memory, context)
        let preparation: SyncPreparation
        do { preparation = try await SyncPreparation(payload, memory: memory, adoption: adoption, context, session) } catch {
            return session.outcome(of: error, reporting: failureEvent(error.error, payload, context))
        }
        let forecast = SyncForecast(payload, preparation, memory, context, webURL: session.connection.zone.webURL)
        session.learn(preparation.costs)
        var changes = session.changes
        if let codes = preparation.billingCodes { changes.billingCodes = .set(codes.cached) }
        return .finished(session.stateEvents + [context.event(.syncPreviewed, forecast.members)], changes: changes)
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
    func conclude(_ payload: SyncPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        .failed(reason, [failureEvent(reason, payload, context)])
    }

    private func failureEvent(_ error: JobError, _ payload: SyncPayload, _ context: JobContext) -> Event {
        let memory = PlanMemory(context.state, planID: payload.planID)
        let report = SyncReport(
            message: error.message.withoutFullStop,
            planID: payload.planID,
            revision: payload.revision,
            apiCalls: context.apiCalls,
            services: SyncLedger(payload.services, memory: memory, brake: context.brake(of: payload)).results,
            webURL: context.state.connection?.zone.webURL,
            error: error
        )
        return context.event(.syncFailed, report.members)
    }
}
