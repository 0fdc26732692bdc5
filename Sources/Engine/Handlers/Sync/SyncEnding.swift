import Autotask
import Contract
import Store

/// Collects the results of an attempt, and makes the job's outcome from them. Both phases of the attempt share it, in one task.
final class SyncEnding {
    private let payload: SyncPayload
    private let context: JobContext
    private let memory: PlanMemory
    /// `nil` until one is opened.
    var session: TenantSession?
    var ledger: SyncLedger
    var journal: WriteJournal
    var costs: CostVisibility = .unknown
    /// Whether every earlier write has certainly reached Autotask or failed.
    var isSettled = false
    private var billingCodes: ReadBillingCodes?

    init(_ attempt: SyncAttempt) {
        payload = attempt.payload
        context = attempt.context
        memory = attempt.memory
        ledger = SyncLedger(
            payload.services,
            memory: memory,
            brake: context.brake(of: payload),
            recallingWith: context.job.hasWritten ? context.markers : nil
        )
        journal = WriteJournal(memory) { [context] in context.sealForAudit($0) }
    }

    func learn(_ preparation: SyncPreparation) {
        costs = preparation.costs
        billingCodes = preparation.billingCodes
    }

    // MARK: Outcomes

    /// Ends the job because the plan is not valid; nothing was written.
    func invalid(_ errors: [Int: JobError]) -> HandlerOutcome {
        for (index, error) in errors.sorted(by: { $0.key < $1.key }) { ledger.invalidate(index, error) }
        let first = errors.keys.min().flatMap { ledger.results[$0].error }
        ledger.noteUnknownWrites()
        let message =
            "Nothing was changed: \(errors.count) of \(payload.services.count) services \(errors.count == 1 ? "is" : "are") not valid"
        return finished(report(first, message: message))
    }

    /// Ends the job because warnings have to be acknowledged first; nothing more is written.
    func held(_ steps: [ServiceStep], _ error: JobError) -> HandlerOutcome {
        for step in steps where step.write != nil || !context.job.hasWritten {
            let warnings = step.unacknowledged(payload.acknowledged).map(\.message).joined(separator: " ")
            let own = JobError(.acknowledgementNeeded, "To be acknowledged first: \(warnings)", hint: error.hint)
            ledger.hold(step, warnings.isEmpty ? nil : own)
        }
        return outcome(.fatal(error))
    }

    /// Ends the job because a reset came before the first write.
    func superseded(_ error: JobError) -> HandlerOutcome {
        let event = context.event(.jobSuperseded, ["error": error.json])
        return .failed(error, events(with: event), changes: changes(isFinal: true))
    }

    /// Ends the attempt.
    func outcome(_ interruption: Interruption?) -> HandlerOutcome {
        switch interruption {
        case .parked:
            return .postponed(events: session?.stateEvents ?? [], changes: changes(isFinal: false))
        case .transient(let error, let earliest):
            let report = report(error)
            return .transient(
                error,
                earliest: earliest,
                failure: context.event(report.eventType, report.members),
                events: session?.stateEvents ?? [],
                changes: changes(isFinal: false)
            )
        case .fatal, .superseded, nil:
            return finished(report(interruption?.error))
        }
    }

    private func finished(_ report: SyncReport) -> HandlerOutcome {
        let type = report.eventType
        context.ended = report.services
        var events = events(with: context.event(type, report.members))
        var changes = changes(isFinal: true)
        if type != .syncFailed { retire(&changes) }
        if type == .syncSucceeded, !payload.services.isEmpty, !context.state.isEnabled {
            events.append(context.stateEvent(.integrationEnabled, ["planId": .string(payload.planID)]))
            changes.becomesEnabled = true
        }
        return .failed(report.error, events, changes: changes)
    }

    private func events(with terminal: Event) -> [Event] { (session?.stateEvents ?? []) + [terminal] }

    // MARK: Changes

    /// The changes for the store.
    ///
    /// - Parameter isFinal: whether the job ends. If it does not, its writes are only in the journal: see ``PlanMemory``.
    private func changes(isFinal: Bool) -> LaneChanges {
        var changes = LaneChanges()
        if let session {
            session.learn(costs)
            changes = session.changes
            if let billingCodes { changes.billingCodes = .set(billingCodes.cached) }
            if let revision = payload.revision { changes.ranRevision = (payload.planID, revision) }
            changes.becomesSettled = isSettled && context.state.unsettledSince != nil
            if isFinal { journal.settleIntended(at: context.now) }
        }
        if isFinal {
            for key in ledger.keysWithTemporaryName { journal.settleConfirmed(key, at: context.now) }
            changes.bindings = ledger.bindings
        }
        journal.takeUnsaved().add(to: &changes)
        return changes
    }

    /// Unbinds services that left the plan; nothing changes in Autotask.
    private func retire(_ changes: inout LaneChanges) {
        for key in payload.retired where memory.knows(key) {
            changes.retired.append((payload.planID, key))
            journal.settle(key, at: context.now)
        }
        journal.takeUnsaved().add(to: &changes)
    }

    // MARK: Report

    /// - Parameter error: why the sync stopped, if it did; otherwise the report has the first service's error.
    private func report(_ error: JobError?, message: String? = nil) -> SyncReport {
        SyncReport(
            message: message ?? self.message(error),
            planID: payload.planID,
            revision: payload.revision,
            apiCalls: context.apiCalls,
            services: ledger.results,
            webURL: (session?.connection ?? context.state.connection)?.zone.webURL,
            error: error ?? ledger.results.lazy.compactMap(\.error).first
        )
    }

    private func message(_ error: JobError?) -> String {
        let total = ledger.results.count
        let synced = ledger.results.count { $0.status == .synced }
        if let error, !ledger.hasDoneAnything {
            return error.message.withoutFullStop
        }
        if total == 0 { return "The plan no longer has any services" }
        if synced == total { return total == 1 ? "1 service is synced" : "\(total) services are synced" }
        return "\(synced) of \(total) services are synced"
    }
}

extension String {
    /// The text as a headline, without a full stop.
    var withoutFullStop: String { hasSuffix(".") ? String(dropLast()) : self }
}

extension SyncLedger {
    /// Whether any service was written, or needed no write.
    fileprivate var hasDoneAnything: Bool {
        results.contains { ![.invalid, .rejected, .notAttempted].contains($0.outcome) }
    }
}

extension SyncReport {
    /// The type of its event. A superseded job has written, or may have.
    fileprivate var eventType: EventType {
        if error?.code == .superseded { return .syncIncomplete }
        let done = services.count { ![.invalid, .rejected, .notAttempted].contains($0.outcome) }
        if error == nil, done == services.count { return .syncSucceeded }
        return done == 0 ? .syncFailed : .syncIncomplete
    }
}
