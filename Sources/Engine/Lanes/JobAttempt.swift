import Contract
import Logging
import Store
import Telemetry
import Vault

/// One attempt at one job: opens its payload, runs its handler, and turns the outcome into a completion for the store.
struct JobAttempt: Sendable {
    private let store: any LaneEffects
    private let engine: EngineContext
    private let autotask: AutotaskAccess
    private let progress: any EventSink
    let breakers: CircuitBreakers
    let quotas: DatabaseQuotas

    private let connect = ConnectHandler()
    private let sync = SyncHandler()
    private let preview = PreviewHandler()
    private let reset = ResetHandler()
    private let billingCodes = BillingCodesHandler()
    private let verify = VerifyHandler()
    private let drift = DriftHandler()
    private let diagnose = DiagnoseHandler()

    /// - Parameter progress: takes events that are published without a guarantee.
    init(store: any LaneEffects, engine: EngineContext, autotask: AutotaskAccess, progress: any EventSink) {
        self.store = store
        self.engine = engine
        self.autotask = autotask
        self.progress = progress
        breakers = CircuitBreakers(
            pause: engine.settings.retry.base * 2.5,
            credentialsPause: engine.settings.refusalMemory,
            barriers: engine.barriers
        )
        quotas = DatabaseQuotas(share: engine.settings.quotaShare)
    }

    func run(_ claim: LaneClaim) async throws(StoreError) -> EndedAttempt {
        let context = context(for: claim, AttemptTrace.begin(claim, engine))
        let outcome: HandlerOutcome
        do { outcome = try await settledOutcome(for: claim, context) } catch {
            context.trace?.fail(error)
            throw error
        }
        let completion = completion(outcome, context)
        log(completion, context)
        return EndedAttempt(completion: completion, holdReason: context.holdReason, services: context.ended, trace: context.trace)
    }

    /// Logs the job's one info line, at its end. It has the numbers that the store has after this attempt, and that `sync show` shows.
    private func log(_ completion: Completion, _ context: JobContext) {
        let attempt = completion.attempt
        var details: Logger.Metadata = .keys([
            .outcome: completion.isRepetition ? "postponed" : "\(completion.word)",
            .duration: "\((attempt.ended - context.began).inLog)",
            .attempt: "\(context.job.attempts + attempt.counted.attempts)",
            .apiCalls: "\(context.job.apiCalls + attempt.apiCalls)",
        ])
        if let code = attempt.failure?.code.rawValue { details[.code] = "\(code)" }
        if let next = attempt.notBefore { details[.nextAttempt] = "\(next)" }
        // The tenant's next jobs fail too, until somebody acts.
        let isLost = completion.events.contains { $0.type == .connectionLost }
        context.log(isLost ? .warning : .info, "Job attempt ended", details)
    }

    private func context(for claim: LaneClaim, _ trace: AttemptTrace?) -> JobContext {
        JobContext(
            claim: claim,
            store: store,
            engine: engine,
            autotask: autotask,
            progress: progress,
            breakers: breakers,
            quotas: quotas,
            trace: trace
        )
    }

    /// The handler's outcome, or a deferral if the store failed during the work: every write so far is in the journal.
    private func settledOutcome(for claim: LaneClaim, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        do { return try await outcome(for: claim, context) } catch {
            // Another worker has taken the lane over: there is nothing to report.
            guard error.code != .fenced else { throw error }
            context.log(.warning, "The store failed during an attempt", .keys([.error: "\(error)"]))
            return heldUp(context, .store, hint: "The worker's store failed. The worker tries again.")
        }
    }

    private func outcome(for claim: LaneClaim, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        guard await holdsKeys(for: claim) else { return keyMissing(context) }
        let payload: JobPayload
        do { payload = try self.payload(of: claim, context) } catch {
            // The worker validated and sealed it when it accepted it: the row was tampered with.
            context.log(.error, "An accepted job cannot be opened", .keys([.error: "\(error)"]))
            let error = JobError(
                .internal,
                hint: "The stored request cannot be opened. Check that the worker runs with the key ring of its store."
            ).referring(to: claim.job.id)
            return HandlerOutcome(
                ending: .givenUp(GivenUp(.unopenable, error)),
                events: [context.event(.jobAbandoned, ["error": error.json])],
                changes: LaneChanges()
            )
        }
        switch payload {
        case .connect(let payload): return try await run(connect, payload, context)
        case .sync(let payload): return try await run(sync, payload, context)
        case .preview(let payload): return try await run(preview, payload, context)
        case .reset(let payload): return try await run(reset, payload, context)
        case .billingCodes(let payload): return try await run(billingCodes, payload, context)
        case .verify(let payload): return try await run(verify, payload, context)
        case .drift(let payload): return try await run(drift, payload, context)
        case .diagnose(let payload): return try await run(diagnose, payload, context)
        }
    }

    private func payload(of claim: LaneClaim, _ context: JobContext) throws -> JobPayload {
        // A scheduled check has no payload: its kind says everything.
        if claim.job.isScheduled { return try JobPayload(kind: claim.job.kind, data: .null, acceptsClearCredentials: false) }
        let data = try JSON(parsing: engine.vault.openPayload(claim.sealedPayload, job: claim.job.id, lane: claim.token.lane))
            .withoutNullMembers
        let payload = try JobPayload(kind: claim.job.kind, data: data, acceptsClearCredentials: true)
        context.note(asked: data)
        return payload
    }

    /// Whether the key ring has all keys to what the job needs from the store.
    private func holdsKeys(for claim: LaneClaim) async -> Bool {
        var sealed = claim.job.isScheduled ? [] : [claim.sealedPayload]
        // A connect brings new credentials, and a reset needs none.
        if claim.job.kind != .connect, claim.job.kind != .reset, let connection = claim.state.connection {
            sealed.append(connection.wrappedKey)
        }
        if engine.vault.holdsKeys(of: sealed) { return true }
        await engine.refreshKeys()
        return engine.vault.holdsKeys(of: sealed)
    }

    /// Defers the job, which has no fault of its own: another key ring has the missing key.
    private func keyMissing(_ context: JobContext) -> HandlerOutcome {
        context.log(
            .error,
            "The key ring lacks a key under which data in the store is sealed",
            .keys([.kind: "\(context.job.kind.rawValue)"])
        )
        return heldUp(
            context,
            .keyMissing,
            hint: """
                The worker lacks a key to data in its store, and tries again. An operator has to give it the key ring that has the key: \
                see autotask-worker doctor.
                """
        )
    }

    /// Defers the job for a reason outside it: the attempt does not count.
    private func heldUp(_ context: JobContext, _ reason: HoldReason, hint: String, earliest: Timestamp? = nil) -> HandlerOutcome {
        context.holdUp(reason)
        let error = JobError(.internal, hint: hint, isRetryable: true).referring(to: context.job.id)
        return .transient(error, earliest: earliest, failure: context.failed(error))
    }

    /// Defers a job whose outcome the store refuses, because it is sealed under a key that was retired in between.
    ///
    /// - Parameters:
    ///   - refused: the attempt with the refused outcome, which ends in another way.
    ///   - delay: the shortest deferral.
    func heldUp(_ claim: LaneClaim, instead refused: EndedAttempt, atLeast delay: Duration) -> EndedAttempt {
        let context = context(for: claim, refused.trace)
        let hint = "A key of the worker was retired during the attempt. The worker tries again with its present keys."
        var completion = completion(heldUp(context, .keyMissing, hint: hint, earliest: engine.now + delay), context)
        var attempt = refused.completion.attempt
        attempt.ending = completion.attempt.ending
        completion.attempt = attempt
        completion.asked = refused.completion.asked
        return EndedAttempt(completion: completion, holdReason: .keyMissing, trace: refused.trace)
    }

    /// Not inlined, as the other steps of an attempt that wait: a task keeps the frame of all eight kinds otherwise, while one of them waits.
    @inline(never)
    private func run<Handler: JobHandler>(
        _ handler: Handler,
        _ payload: Handler.Payload,
        _ context: JobContext
    ) async throws(StoreError) -> HandlerOutcome {
        switch context.claim.mode {
        case .work: try await handler.run(payload, context)
        case .conclude(let reason): try await handler.conclude(payload, because: reason, context)
        }
    }

    /// Makes the completion: the attempt as it ended, and the events and changes that come with it.
    private func completion(_ outcome: HandlerOutcome, _ context: JobContext) -> Completion {
        let attempt = context.attempt(ending(of: outcome, context))
        var events = outcome.events
        if case .transient(let error, _, let failure) = outcome.ending {
            if attempt.endsJob { events.append(failure) }
            if let deferral = deferral(attempt, because: error, context) { events.append(deferral) }
        }
        if context.job.isScheduled { events.removeAll { $0.jobID != nil } }
        return Completion(
            attempt,
            events: events,
            changes: outcome.changes,
            asked: context.asked,
            keepsHistory: context.keepsHistory
        )
    }

    private func ending(of outcome: HandlerOutcome, _ context: JobContext) -> Attempt.Ending {
        switch outcome.ending {
        case .finished(let error): context.job.isGivenUp ? .givenUp(GivenUp(.byOperator, error ?? JobError(.givenUp))) : .finished(error)
        case .givenUp(let givenUp): .givenUp(givenUp)
        case .postponed: .postponed
        case .transient(let error, let earliest, _):
            RetryWish(
                error: error,
                earliest: earliest,
                isHeldUp: context.isHeldUp,
                isCutShort: Task.isCancelled || !context.holdsLane
            ).ending(
                of: context.job,
                before: context.callDeadline,
                under: context.settings.retry,
                fraction: engine.entropy.fraction(),
                at: engine.now
            )
        }
    }

    /// Makes the event of a deferral, if it is news.
    private func deferral(_ attempt: Attempt, because error: JobError, _ context: JobContext) -> Event? {
        guard let next = attempt.notBefore else { return nil }
        let deferral = PublishedDeferral(code: error.code, delay: next - attempt.ended)
        guard !context.isHeldUp || deferral.isNews(after: context.job.lastDeferral) else { return nil }
        return context.event(
            .jobDeferred,
            [
                "until": .string(next.description), "attempt": JSON(context.job.attempts),
                "error": error.triedAgain(at: next).json,
            ]
        )
    }
}

/// How an attempt ended: what the store gets, and what only the metrics report.
struct EndedAttempt: Sendable {
    var completion: Completion
    /// Why it ended early, if the reason was outside the job.
    var holdReason: HoldReason?
    /// The services of a sync that ended.
    var services: [ServiceResult] = []
    /// `nil` if the job is not sampled.
    var trace: AttemptTrace?
}
