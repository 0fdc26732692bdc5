import Autotask
import Contract
import Store

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
        let missing = memory.missingKeys(of: payload)
        guard missing.isEmpty else { return rejected(missing) }

        var ending = SyncEnding(self)
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return ending.outcome(.fatal(error)) }
        ending.session = session
        if let moment = context.state.unsettledUntil(settleTime: context.settings.settleTime, now: begun) {
            return ending.outcome(.transient(JobError(.outcomeUnknown), earliest: moment))
        }

        let preparation: SyncPreparation
        do { preparation = try await SyncPreparation(payload, memory: memory, context, session) } catch {
            return ending.outcome(Interruption(error))
        }
        ending.learn(preparation)
        switch preparation.planned {
        case .invalid(let errors):
            return ending.invalid(errors)
        case .steps(let steps, let order):
            return try await apply(steps, order, preparation, session, &ending)
        }
    }

    /// The second phase, and the read-back.
    private func apply(
        _ steps: [ServiceStep],
        _ order: [Int],
        _ preparation: SyncPreparation,
        _ session: TenantSession,
        _ ending: inout SyncEnding
    ) async throws(StoreError) -> HandlerOutcome {
        for step in steps {
            ending.ledger.found(step)
            if step.write == nil, let service = step.service {
                ending.ledger.verify(step, service, costs: preparation.costs, at: context.now)
            }
        }
        var application = SyncApplication(
            context,
            session: session,
            steps: steps,
            markerField: preparation.metadata.markerField,
            deadline: begun + context.settings.attemptDeadline,
            ledger: ending.ledger,
            journal: ending.journal
        )
        var interruption = try await application.run(order)
        if interruption == nil, !application.written.isEmpty {
            let query = ServiceQuery(ids: application.written.map(\.serviceID), markerField: preparation.metadata.markerField)
            do {
                let services = try await session.services(query)
                ending.costs = application.verify(services, costs: preparation.costs, metadata: preparation.metadata)
            } catch {
                interruption = Interruption(error)
            }
        }
        return ending.outcome(interruption, after: &application)
    }

    /// A service of the plan is told neither to stay nor to go.
    private func rejected(_ missing: [String]) -> HandlerOutcome {
        let error = JobError(
            .planIncomplete,
            "The plan lacks what was synchronized before: \(missing.joined(separator: ", ")).",
            field: "data.services"
        )
        return .finished([context.event(.jobRejected, ["error": error.json])])
    }

    /// Ends a sync that has written, with what is known of it.
    func concluded(because reason: JobError) -> HandlerOutcome {
        var ending = SyncEnding(self)
        return ending.outcome(.fatal(reason))
    }
}
