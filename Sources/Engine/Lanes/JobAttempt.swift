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
    private let breakers: CircuitBreakers
    private let quotas: DatabaseQuotas

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
        breakers = CircuitBreakers(pause: engine.settings.retry.base * 2.5, credentialsPause: engine.settings.refusalMemory)
        quotas = DatabaseQuotas(share: engine.settings.quotaShare)
    }

    func run(_ claim: LaneClaim) async throws(StoreError) -> Completion {
        let begun = engine.now
        let context = context(for: claim)
        var completion = completion(try await settledOutcome(for: claim, context), context)
        // Only the transport sees every call, even if the attempt fails.
        completion.apiCalls = context.calls.counted
        completion.facts = context.facts(of: completion)
        if claim.job.isScheduled {
            completion = completion.ofCheck
        } else {
            completion.account = context.account(since: begun)
        }
        // The job's one info line, at its end.
        var details: Logger.Metadata = .keys([
            .outcome: "\(completion.ending)",
            .duration: "\((engine.now - begun).wholeMilliseconds) ms",
            // As the store counts them after this attempt, and `sync show` shows them.
            .attempt: "\(claim.job.attempts - (completion.isCounted ? 0 : 1))",
            .count: "\(claim.job.apiCalls + completion.apiCalls)",
        ])
        if let code = completion.facts["code"]?.string { details.merge(.keys([.code: "\(code)"])) { $1 } }
        context.log(.info, "Job attempt ended", details)
        return completion
    }

    private func context(for claim: LaneClaim) -> JobContext {
        JobContext(
            claim: claim,
            store: store,
            engine: engine,
            autotask: autotask,
            progress: progress,
            breakers: breakers,
            quotas: quotas
        )
    }

    /// The handler's outcome, or a deferral if the store failed during the work: every write so far is in the journal.
    private func settledOutcome(for claim: LaneClaim, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        do { return try await outcome(for: claim, context) } catch {
            // Another worker has taken the lane over: there is nothing to report.
            guard error.code != .fenced else { throw error }
            context.log(.warning, "The store failed during an attempt", .keys([.error: "\(error)"]))
            return heldUp(context, hint: "The worker's store failed. The worker tries again.", apiCalls: context.calls.counted)
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
                changes: LaneChanges(),
                apiCalls: 0
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
            hint: """
                The worker lacks a key to data in its store, and tries again. An operator has to give it the key ring that has the key: \
                see autotask-worker doctor.
                """
        )
    }

    /// Defers the job for a reason outside it: the attempt does not count.
    private func heldUp(_ context: JobContext, hint: String, earliest: Timestamp? = nil, apiCalls: Int = 0) -> HandlerOutcome {
        context.holdUp()
        let error = JobError(.internal, hint: hint, isRetryable: true).referring(to: context.job.id)
        return .transient(error, earliest: earliest, failure: context.failed(error), apiCalls: apiCalls)
    }

    /// Defers a job whose outcome the store refuses, because it is sealed under a key that was retired in between.
    ///
    /// - Parameters:
    ///   - outcome: the refused outcome.
    ///   - delay: the shortest deferral.
    func heldUp(_ claim: LaneClaim, instead outcome: Completion, atLeast delay: Duration) -> Completion {
        let context = context(for: claim)
        let hint = "A key of the worker was retired during the attempt. The worker tries again with its present keys."
        var completion = completion(
            heldUp(context, hint: hint, earliest: engine.now + delay, apiCalls: outcome.apiCalls),
            context
        )
        if claim.job.isScheduled { completion = completion.ofCheck }
        completion.account = outcome.account
        return completion
    }

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

    /// Decides whether the job ends or gets another attempt.
    private func completion(_ outcome: HandlerOutcome, _ context: JobContext) -> Completion {
        switch outcome.ending {
        case .finished:
            return Completion(.finished, events: outcome.events, changes: outcome.changes, apiCalls: outcome.apiCalls)
        case .givenUp(let reason):
            return Completion(
                .finished,
                events: outcome.events,
                changes: outcome.changes,
                apiCalls: outcome.apiCalls,
                givenUp: reason
            )
        case .postponed:
            return Completion(.postponed, events: outcome.events, changes: outcome.changes, apiCalls: outcome.apiCalls)
        case .transient where Task.isCancelled || !context.holdsLane:
            // A shutdown or the end of the lease cancelled the calls: the job has no fault of its own.
            return Completion(.postponed, events: outcome.events, changes: outcome.changes, apiCalls: outcome.apiCalls)
        case .transient(let error, let earliest, let failure):
            let attempt = context.job.attempts
            let next = engine.settings.retry.nextAttempt(
                after: attempt + (context.isHeldUp ? context.job.heldUp : 0),
                isHeldUp: context.isHeldUp,
                acceptedAt: context.job.acceptedAt,
                earliest: earliest,
                fraction: engine.entropy.fraction(),
                now: engine.now
            )
            let isSpent = !context.isHeldUp && attempt >= engine.settings.retry.maximumAttempts
            guard let next else {
                return Completion(
                    .finished,
                    events: outcome.events + [failure],
                    changes: outcome.changes,
                    apiCalls: outcome.apiCalls,
                    givenUp: GivenUp(isSpent ? .attemptsSpent : .timeSpent, error)
                )
            }
            if let deadline = context.callDeadline, next >= deadline || !error.isRetryable {
                // A person waits and can ask again, so the job is not dead-lettered.
                return Completion(.finished, events: outcome.events + [failure], changes: outcome.changes, apiCalls: outcome.apiCalls)
            }
            var completion = Completion(
                .deferred(until: next, because: error.code, counts: !context.isHeldUp),
                events: outcome.events,
                changes: outcome.changes,
                apiCalls: outcome.apiCalls
            )
            let deferral = PublishedDeferral(code: error.code, delay: next - engine.now)
            if !context.isHeldUp || deferral.isNews(after: context.job.lastDeferral) {
                completion.events.append(
                    context.event(
                        .jobDeferred,
                        ["until": .string(next.description), "attempt": JSON(attempt), "error": error.triedAgain(at: next).json]
                    )
                )
            }
            return completion
        }
    }
}

extension Completion {
    /// The end of a scheduled check. It publishes state events, but has no terminal event and no dead letter. A failed check is not tried
    /// again, because the next one comes automatically.
    fileprivate var ofCheck: Completion {
        var completion = self
        completion.events.removeAll { $0.jobID != nil }
        completion.givenUp = nil
        if case .deferred(_, let code, _) = disposition {
            completion.disposition = .finished
            completion.facts["code"] = code.map { .string($0.rawValue) }
        }
        return completion
    }

    /// Whether the attempt counts.
    fileprivate var isCounted: Bool {
        switch disposition {
        case .finished, .deferred(_, _, counts: true): true
        case .deferred(_, _, counts: false), .postponed: false
        }
    }

    /// How the attempt ended, as one word for the log.
    fileprivate var ending: String {
        if let event = events.last(where: { $0.type.isTerminal || $0.type == .jobDeferred }) { return event.type.rawValue }
        return disposition == .finished ? "checked" : "postponed"
    }
}
