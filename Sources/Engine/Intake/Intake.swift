import Contract
import Logging
import ServiceLifecycle
import Store
import Telemetry
import Vault

/// Takes deliveries from a job queue. Each becomes a job or a refusal with a reason. A batch is stored in one transaction, and then
/// acknowledged.
///
/// A redelivered message is read alone, after the store has counted it. A message that kills the worker each time it is read is recorded
/// unread the fifth time (`Decisions` 5).
struct Intake: Service {
    static let maximumRedeliveries = 5
    private static let retryDelay: Duration = .seconds(1)
    /// How often the store refuses a batch because it accepted other jobs in between. After that, the batch is accepted, and compared by
    /// `time`.
    static let maximumRefusals = 8
    /// The number of jobs in one transaction that are compared by `time`. Each looks at no more than ``Arrival/overtakerReach`` rows, which
    /// takes some 20 ms at most.
    static let comparedAtOnce = 32
    /// A `time` that is further ahead does not count as the time of the request.
    private static let clockTolerance: Duration = .seconds(3600)

    let source: any JobSource
    let store: any JobInbox
    let engine: EngineContext
    /// The slots for jobs that begin in the transaction that accepts them. Their line is woken when others were accepted.
    let slots: LaneSlots
    private let fullLanes = FullLanes()

    /// Rules that the store applies while it accepts jobs.
    ///
    /// - Parameters:
    ///   - own: places of jobs of the same batch. They came in order, so none overtook another.
    ///   - free: the number of jobs that may begin at once.
    private func rules(after lastPlace: Int64?, besides own: Set<Int64>, beginning free: Int, noting settled: SettledJobs) -> IntakeRules {
        let (now, events) = (engine.now, engine.events)
        let request = ClaimRequest(worker: engine.worker.current, limit: free, interactiveTime: engine.settings.interactiveTime)
        let claims = ArrivalClaims(request: request) { LaneOrder(of: $0.lane, now: now, events: events).decide($0) }
        return IntakeRules(
            laneLimit: engine.settings.laneBacklogLimit,
            lastPlace: lastPlace,
            claims: free > 0 ? claims : nil,
            admit: { arrival in
                var arrival = arrival
                if !own.isEmpty { arrival.overtakers.removeAll { own.contains($0.order) } }
                let admission = LaneOrder(of: arrival.lane, now: now, events: events).admit(arrival)
                settled.note(admission.settlements, of: [arrival.job] + arrival.rivals)
                return admission
            },
            conflict: { [self] item in conflict(item) }
        )
    }

    func run() async throws {
        // The source ends first when the program shuts down.
        var throttle = IntakeThrottle(source: source, store: store, engine: engine)
        // No job position: the store reports it when it refuses the first batch.
        var lastPlace: Int64 = -1
        let pulse = engine.pulses[.intake]
        while let batch = await source.nextBatch() {
            pulse.turn()
            let begun = engine.now
            if await takeIn(batch, &lastPlace) {
                batch.acknowledge()
                engine.meters.tookIn(batch, within: engine.now - begun)
            }
            await throttle.passed(batch.deliveries.count)
            pulse.rest()
        }
        await ShutdownSignal.wait()
    }

    /// - Parameter lastPlace: the last job position that the store gave, as far as this worker knows.
    /// - Returns: whether the whole batch is in the store.
    private func takeIn(_ batch: IncomingBatch, _ lastPlace: inout Int64) async -> Bool {
        var fresh: [JobMessage] = []
        for delivery in batch.deliveries {
            guard delivery.isRedelivered else {
                fresh.append(delivery)
                continue
            }
            guard await takeIn(fresh, of: batch, &lastPlace), await takeIn(redelivered: delivery, of: batch) else { return false }
            fresh = []
        }
        return await takeIn(fresh, of: batch, &lastPlace)
    }

    /// A first delivery has overtaken no job. Others overtake it only if its connection is gone and another worker accepts what the broker
    /// then delivers. So the batch is accepted only if the store gave no job position since this worker's last one, or since this worker
    /// last held the batch. After ``maximumRefusals`` it is accepted, and compared by `time` with the jobs that were accepted since then.
    private func takeIn(_ deliveries: [JobMessage], of batch: IncomingBatch, _ lastPlace: inout Int64) async -> Bool {
        guard !deliveries.isEmpty else { return true }
        // The deliveries are read once, because reading logs what is set aside.
        var items = deliveries.map { item(of: $0) }
        for _ in 0..<Intake.maximumRefusals {
            guard let intake = await accept(&items, after: lastPlace, { deliveries.map { item(of: $0) } }) else { return false }
            if intake.isTakenIn {
                lastPlace = intake.lastPlace
                return true
            }
            guard await batch.isHeld() else { return false }
            lastPlace = intake.lastPlace
        }
        // The worker still held the batch after that position was given: only a later job can have overtaken one of the batch.
        let place = lastPlace
        for index in items.indices { items[index].overtakersAfter = place }
        var own: Set<Int64> = []
        for start in stride(from: 0, to: items.count, by: Intake.comparedAtOnce) {
            let range = start..<min(start + Intake.comparedAtOnce, items.count)
            var part = Array(items[range])
            let read = { deliveries[range].map { item(of: $0, overtakersAfter: place) } }
            guard let intake = await accept(&part, besides: own, read) else { return false }
            for case .accepted(let order) in intake.outcomes { own.insert(order) }
            lastPlace = intake.lastPlace
        }
        return true
    }

    /// A counted message is accepted even if another worker holds it by then. Otherwise five lost connections would make it look like one
    /// that kills its workers.
    private func takeIn(redelivered delivery: JobMessage, of batch: IncomingBatch) async -> Bool {
        let sha256 = delivery.sha256
        let counted = await persistently(holding: batch) { () async throws(StoreError) in
            try await store.countRedelivery(sha256: sha256, at: engine.now)
        }
        guard let counted else { return false }
        guard counted.count >= Intake.maximumRedeliveries else {
            let place = await placeBeforeOvertakers(of: delivery, counted, in: batch)
            let read = { [IntakeItem(content(of: delivery), redeliveredSHA256: sha256, overtakersAfter: place)] }
            var items = read()
            return await accept(&items, read) != nil
        }
        engine.log.error("A message was set aside unread: each delivery killed its worker", metadata: delivery.origin)
        let letter = deadLetter(
            delivery,
            FailureCause(reason: ErrorCode.poison.rawValue),
            "Delivered \(counted.count) times and never accepted."
        )
        var items = [IntakeItem(.deadLetter(letter), redeliveredSHA256: sha256)]
        return await accept(&items) { [IntakeItem(.deadLetter(letter), redeliveredSHA256: sha256)] } != nil
    }

    /// The job position after which jobs may have overtaken the delivery. Only jobs accepted from now on can overtake one that came back
    /// once and that this worker still holds.
    private func placeBeforeOvertakers(of delivery: JobMessage, _ counted: CountedRedelivery, in batch: IncomingBatch) async -> Int64 {
        guard !delivery.mayBeOvertaken, await batch.isHeld() else { return 0 }
        return counted.lastPlace
    }

    /// - Parameters:
    ///   - items: the deliveries, sealed.
    ///   - lastPlace: see ``IntakeRules/lastPlace``.
    ///   - own: see ``rules(after:besides:beginning:noting:)``.
    ///   - read: reads and seals the deliveries again, if their key is retired before they are in the store.
    /// - Returns: `nil` if the task was cancelled before.
    private func accept(
        _ items: inout [IntakeItem],
        after lastPlace: Int64? = nil,
        besides own: Set<Int64> = [],
        _ read: () -> [IntakeItem]
    ) async -> Acceptance? {
        let settled = SettledJobs()
        let traces = AcceptanceTraces(engine)
        let stored = await persistently { () async throws(StoreError) in
            settled.forget()
            let rules = { (free: Int) in self.rules(after: lastPlace, besides: own, beginning: free, noting: settled) }
            do throws(StoreError) { return try await accept(items, under: rules) } catch {
                guard error.code == .keyRetired else { throw error }
                await engine.refreshKeys()
                items = read()
                return try await accept(items, under: rules)
            }
        }
        guard let (intake, acceptedAt) = stored else { return nil }
        if intake.isTakenIn {
            traces?.end(items, intake, at: acceptedAt)
            engine.meters.accepted(intake, settled)
            fullLanes.note(intake.refusals(of: items), at: engine.now, log: engine.log)
            if intake.claims.count < intake.outcomes.count { slots.line.wake() }
        }
        return intake
    }

    /// - Parameter rules: the rules, by the number of jobs that may begin at once.
    /// - Returns: what the store did with them, and the moment at which it took them.
    private func accept(
        _ items: [IntakeItem],
        under rules: (_ free: Int) -> IntakeRules
    ) async throws(StoreError) -> (Acceptance, Timestamp) {
        let now = engine.now
        // A worker whose lease has ended could not run what it claims.
        let mayBegin = !Task.isShuttingDownGracefully && engine.worker.holds(as: engine.worker.current, at: now)
        let free = mayBegin ? slots.reserve(upTo: items.count, of: engine.settings.concurrentLanes) : 0
        var begun: [LaneClaim] = []
        defer {
            slots.use(begun.count, ofReserved: free)
            slots.handOver(begun)
        }
        let intake = try await store.accept(items, by: engine.worker.current, at: now, rules: rules(free))
        begun = intake.claims
        return (intake, now)
    }

    /// Repeats an operation until the store can do it. Meanwhile nothing is acknowledged, and the broker keeps the jobs.
    ///
    /// - Parameter batch: dropped once this worker no longer holds it: another worker gets it, and it may be overtaken there.
    /// - Returns: `nil` if the task was cancelled before, or the batch was dropped.
    private func persistently<Value>(
        holding batch: IncomingBatch? = nil,
        _ operation: () async throws(StoreError) -> Value
    ) async -> Value? {
        while !Task.isCancelled {
            engine.pulses[.intake].turn()
            if let batch, await !batch.isHeld() { return nil }
            do { return try await operation() } catch {
                engine.log.error("The store cannot take jobs in; nothing is acknowledged", metadata: .keys([.error: "\(error)"]))
                await engine.clock.sleep(until: engine.now + Intake.retryDelay)
            }
        }
        return nil
    }
}

// MARK: - Reading a delivery

extension Intake {
    private func item(of delivery: JobMessage, overtakersAfter place: Int64? = nil) -> IntakeItem {
        IntakeItem(content(of: delivery), overtakersAfter: place)
    }

    private func content(of delivery: JobMessage) -> IntakeItem.Content {
        let publisher = delivery.userID
        guard let scope = engine.settings.trustedPublishers.map({ $0.scope(of: publisher) }) ?? .allTenants else {
            engine.log.warning(
                "A message from an untrusted publisher was set aside",
                metadata: delivery.origin
            )
            return .deadLetter(deadLetter(delivery, FailureCause(reason: "untrusted"), "Its user_id is not among the trusted publishers."))
        }
        let decoded = delivery.decoded(acceptsClearCredentials: engine.settings.acceptsClearCredentials)
        // This check comes before an id is claimed or an event is made: the other tenant would see both.
        if let identity = decoded.identity, let tenant = delivery.tenants(with: identity).first(where: { !scope.covers($0) }) {
            engine.log.warning(
                "A message for a tenant outside its publisher's scope was set aside",
                metadata: delivery.origin.merging(.keys([.tenant: "\(tenant)"])) { $1 }
            )
            let cause = FailureCause(reason: "out_of_scope", kind: JobKind(type: identity.type))
            let detail = "Its publisher may not publish for the tenant \(tenant)."
            return .deadLetter(deadLetter(delivery, cause, detail, identity))
        }
        switch decoded {
        case .job(let job): return .job(acceptable(job, publisher: publisher))
        case .refused(let identity, let error):
            let letter = deadLetter(delivery, error.cause(in: identity), error.message, identity)
            let about: Logger.Metadata = .keys([
                .tenant: "\(identity.lane.tenant)", .jobID: "\(identity.id)", .code: "\(error.code.rawValue)",
            ])
            engine.log.warning("A message was refused", metadata: delivery.origin.merging(about) { $1 })
            return .refused(key(identity), event: event(.jobRejected, identity, ["error": error.json]), letter)
        case .unreadable(let error):
            engine.log.warning(
                "A message that cannot be read was set aside",
                metadata: delivery.origin.merging(.keys([.reason: "\(ForeignText(error.message))"])) { $1 }
            )
            return .deadLetter(deadLetter(delivery, error.cause(in: nil), error.message))
        }
    }

    private func acceptable(_ job: Job, publisher: String?) -> AcceptableJob {
        AcceptableJob(
            key: key(job.identity),
            kind: job.kind,
            planID: job.payload.planID,
            revision: job.payload.revision,
            requestedAt: job.time.flatMap { $0 >= .firstPlausible && $0 <= engine.now + Intake.clockTolerance ? $0 : nil },
            expiry: job.expiry,
            traceparent: job.traceparent,
            publisher: publisher,
            sealedPayload: engine.vault.sealPayload(job.data, job: job.id, lane: job.lane)
        )
    }

    private func key(_ identity: JobIdentity) -> JobKey {
        JobKey(id: identity.id, lane: identity.lane, digest: engine.vault.digest(of: identity.fingerprint))
    }

    private func event(_ type: EventType, _ identity: JobIdentity, _ data: JSONObject) -> Event {
        engine.events.event(
            type,
            in: identity.lane,
            answering: identity.id,
            traceparent: identity.traceparent,
            at: engine.now,
            data
        )
    }

    private func conflict(_ item: IntakeItem) -> Event {
        let key: JobKey
        var traceparent: String?
        switch item.content {
        case .job(let job):
            key = job.key
            traceparent = job.traceparent
        case .refused(let refused, let event, _):
            key = refused
            traceparent = event.traceparent
        case .deadLetter:
            // The store asks only about items that claim an id.
            preconditionFailure("a dead letter has no id to conflict with")
        }
        let error = JobError(.duplicateID)
        return engine.events.event(
            .jobConflict,
            in: key.lane,
            answering: key.id,
            traceparent: traceparent,
            at: engine.now,
            ["error": error.json]
        )
    }

    private func deadLetter(
        _ delivery: JobMessage,
        _ cause: FailureCause,
        _ detail: String,
        _ identity: JobIdentity? = nil
    ) -> DeadLetter {
        DeadLetter(
            at: engine.now,
            cause: cause,
            detail: detail,
            tenant: identity?.lane.tenant,
            product: identity?.lane.product,
            jobID: identity?.id,
            publisher: delivery.userID,
            content: .message(
                DeadMessage(
                    sha256: delivery.sha256,
                    size: delivery.oversized?.size ?? delivery.body.count,
                    queue: delivery.queue,
                    routingKey: delivery.routingKey,
                    messageID: delivery.messageID
                )
            )
        )
    }
}

extension JobError {
    /// Why a message was refused.
    fileprivate func cause(in identity: JobIdentity?) -> FailureCause {
        FailureCause(reason: code.rawValue, kind: (identity?.type).flatMap { JobKind(type: $0) }, field: field)
    }
}

extension JobMessage {
    /// Every tenant that the message names: in the body (in the properties if the body cannot be read) and in the routing key.
    fileprivate func tenants(with identity: JobIdentity) -> [TenantID] { [identity.lane.tenant] + (routedTenant.map { [$0] } ?? []) }

    /// Metadata by which a portal's operator finds the message; never the body.
    fileprivate var origin: Logger.Metadata {
        .keys([
            .messageID: "\(messageID.map { "\(ForeignText($0))" } ?? "none")",
            .publisher: "\(userID.map { "\(ForeignText($0))" } ?? "none")", .queue: "\(queue)",
        ])
    }

    /// The SHA-256 of the body.
    fileprivate var sha256: [UInt8] { oversized?.sha256 ?? Vault.sha256(body) }
}
