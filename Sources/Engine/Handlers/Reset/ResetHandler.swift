import Contract
import Store

/// Erases a lane's integration, and changes nothing in Autotask (`Rules` L45, A1). It makes no call, is never gated and never fails:
/// erasure must always be possible.
struct ResetHandler: JobHandler {
    func run(_ payload: ResetPayload, _ context: JobContext) -> HandlerOutcome {
        let state = context.state
        let erased = state.erasable
        let reset = context.event(
            .integrationReset,
            [
                "message": .string(Headline.integrationReset),
                "changed": .bool(!erased.isEmpty),
                "erased": .array(erased.map(JSON.string)),
                "retained": .array(state.retained(auditing: context.settings.retention.audit).map(JSON.string)),
                "reconnectAllowed": .bool(state.isEligible || context.settings.accessCutoff == nil),
            ]
        )
        return .finished([reset], changes: LaneChanges(resets: true))
    }

    /// A reset that another reset superseded does the same work.
    func conclude(_ payload: ResetPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        run(payload, context)
    }
}

extension LaneState {
    /// The names of the data to erase.
    fileprivate var erasable: [String] {
        var names: [String] = []
        if connection != nil { names += ["credentials", "zone", "database"] }
        if !refusedCredentials.isEmpty { names.append("refusedCredentials") }
        if hasBindings { names.append("bindings") }
        if hasOpenWrites { names.append("writeJournal") }
        if billingCodes != nil { names.append("billingCodes") }
        return names
    }

    /// The data that is retained, and for how long.
    fileprivate func retained(auditing time: Duration) -> [String] {
        ["services in Autotask, unchanged"] + (isEligible ? ["eligibility to connect again"] : [])
            + [
                "ids, revisions and error codes of jobs, for 400 days", "ids and causes of dead letters, for 400 days",
                "the audit log, names and prices in it unreadable, for \(time.components.seconds / 86_400) days",
                "events in the results journal, for 7 days", "backups of the store, until they are deleted",
            ]
    }
}
