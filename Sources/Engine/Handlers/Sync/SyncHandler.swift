import Autotask
import Contract
import Store

/// Transfers a whole plan to Autotask, as one batch in two phases (`Rules` A5). ``SyncPreparation`` checks the plan and decides what to
/// write, and ``SyncApplication`` writes it. A ``SyncAttempt`` runs both.
struct SyncHandler: JobHandler {
    func run(_ payload: SyncPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        try await SyncAttempt(payload, context).run()
    }

    func conclude(_ payload: SyncPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        SyncAttempt(payload, context).concluded(because: reason)
    }
}

/// One attempt to transfer a plan.
struct SyncAttempt {
    let payload: SyncPayload
    let context: JobContext
    let memory: PlanMemory
    private let begun: Timestamp

    init(_ payload: SyncPayload, _ context: JobContext) {
        self.payload = payload
        self.context = context
        memory = PlanMemory(context.state, planID: payload.planID)
        begun = context.now
    }

    func run() async throws(StoreError) -> HandlerOutcome {
        if let error = memory.incompleteness(of: payload) { return .failed(error, [context.rejection(error)]) }

        let ending = SyncEnding(self)
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return ending.outcome(.fatal(error)) }
        ending.session = session
        if let moment = context.state.unsettledUntil(settleTime: context.settings.settleTime, now: begun) {
            return ending.outcome(.transient(JobError(.outcomeUnknown), earliest: moment))
        }
        ending.isSettled = true

        let adoption = try await Adoption(payload, memory: memory, context)
        let preparation: SyncPreparation
        do { preparation = try await SyncPreparation(payload, memory: memory, adoption: adoption, context, session) } catch {
            return ending.outcome(Interruption(error))
        }
        ending.learn(preparation)
        // A job that has written was compared before its first write, and its own writes are not foreign changes.
        if let previewID = payload.previewID, !context.job.hasWritten,
            let error = context.staleness(of: previewID, of: payload, preparation.planned)
        {
            return ending.outcome(.fatal(error))
        }
        switch preparation.planned {
        case .invalid(let errors, _):
            return ending.invalid(errors)
        case .steps(let steps, let turns):
            return try await apply(steps, turns, adoption, preparation, session, ending)
        }
    }

    /// Makes the planned writes, if nothing holds the batch.
    @inline(never)
    private func apply(
        _ steps: [ServiceStep],
        _ turns: [RenameOrder.Turn],
        _ adoption: Adoption,
        _ preparation: SyncPreparation,
        _ session: TenantSession,
        _ ending: SyncEnding
    ) async throws(StoreError) -> HandlerOutcome {
        if let error = JobError(unacknowledgedOf: steps, payload) {
            if context.job.hasWritten { ending.ledger.note(steps, costs: preparation.costs, at: context.now) }
            return ending.held(steps, error)
        }
        switch try await link(steps, adoption, preparation, session, ending) {
        case .linked: break
        case .unsettled(let moment): return ending.outcome(.transient(JobError(.outcomeUnknown), earliest: moment))
        case .refused(let errors): return ending.invalid(errors)
        }
        ending.ledger.note(steps, costs: preparation.costs, at: context.now)
        let deadline = begun + context.settings.attemptDeadline
        var application = SyncApplication(context, session, preparation, steps, until: deadline, recording: ending)
        return try await application.outcome(of: turns)
    }

    private enum Linking {
        case linked
        /// Until then, a write that another lane has forgotten may still change one of the services.
        case unsettled(until: Timestamp)
        /// Errors by plan index: another lane was linked first.
        case refused([Int: JobError])
    }

    /// Links the adopted services, and those that were found by name alone, before the first write.
    @inline(never)
    private func link(
        _ steps: [ServiceStep],
        _ adoption: Adoption,
        _ preparation: SyncPreparation,
        _ session: TenantSession,
        _ ending: SyncEnding
    ) async throws(StoreError) -> Linking {
        let linking = steps.filter { adoption.wanted[$0.index] != nil || preparation.foundByName.contains($0.index) }
        if linking.isEmpty { return .linked }
        let entries = linking.map { step in
            // A lost create that was found stays linked if this attempt ends here.
            if preparation.foundByName.contains(step.index), var create = memory.lostCreate(step.key) {
                create.autotaskServiceID = step.service?.id
                return create
            }
            return JournalEntry(
                planID: payload.planID,
                serviceKey: step.key,
                operation: .update,
                state: .intended,
                autotaskServiceID: step.service?.id,
                at: context.now
            )
        }
        let outcome = try await context.store.link(
            entries,
            in: session.connection.databaseID,
            under: context.claim.token,
            at: context.now
        )
        switch outcome {
        case .taken(let taken):
            let errors = linking.compactMap { step in
                step.service.flatMap { taken.contains($0.id) ? (step.index, adoption.error(ofTaken: $0.id)) : nil }
            }
            return .refused(Dictionary(errors) { first, _ in first })
        case .linked(let unsettledSince):
            ending.journal.link(entries.filter { $0.state == .intended })
            let settleTime = context.settings.settleTime
            guard let settled = unsettledSince.map({ $0 + settleTime }), settled > context.now else { return .linked }
            // A clock that was set back since then must not make the job wait that long.
            return settled > context.now + settleTime * 2 ? .linked : .unsettled(until: settled)
        }
    }

    /// Ends a sync that has written, with what is known of it.
    func concluded(because reason: JobError) -> HandlerOutcome {
        SyncEnding(self).outcome(.fatal(reason))
    }
}
