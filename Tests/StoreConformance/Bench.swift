import Contract
import Store
import Synchronization
import Testing

/// A store with one worker that has joined, and short names for a test's calls.
struct Bench: Sendable {
    static let start = Timestamp("2026-11-22T08:00:00Z")!

    let store: any Store
    let worker = WorkerID("worker-1")
    private let eventCount = Counter()

    init(_ store: any Store) async throws {
        self.store = store
        _ = try await store.join(worker, until: Bench.start + .seconds(15), at: Bench.start)
    }

    /// A moment after the start.
    func time(_ seconds: Int) -> Timestamp { Bench.start + .seconds(seconds) }

    // MARK: Events

    func event(_ type: EventType, lane: Lane, job: JobID?, data: JSONObject = ["what": "it was"]) -> Event {
        Event(id: "event-\(eventCount.next())", type: type, lane: lane, jobID: job, time: Bench.start, traceparent: nil, data: data)
    }

    func event(_ type: EventType, for claim: LaneClaim, data: JSONObject = ["what": "it was"]) -> Event {
        event(type, lane: claim.token.lane, job: claim.job.id, data: data)
    }

    func conflict(_ item: IntakeItem) -> Event {
        switch item.content {
        case .job(let job): event(.jobConflict, lane: job.key.lane, job: job.key.id)
        case .refused(let key, _, _): event(.jobConflict, lane: key.lane, job: key.id)
        case .deadLetter: preconditionFailure("a dead letter claims no id")
        }
    }

    // MARK: Intake

    func refusal(_ id: String, _ lane: Lane = .one, digest: [UInt8] = [1]) -> IntakeItem {
        let key = JobKey(id: JobID(id)!, lane: lane, digest: digest)
        return IntakeItem(
            .refused(key, event: event(.jobRejected, lane: lane, job: key.id), letter("job_invalid", lane: lane, job: key.id))
        )
    }

    func letter(
        _ reason: String,
        lane: Lane? = nil,
        job: JobID? = nil,
        at: Timestamp = Bench.start,
        death: String? = nil
    ) -> DeadLetter {
        DeadLetter(
            at: at,
            cause: FailureCause(reason: reason, kind: .sync, field: "data.planId"),
            detail: "It is not what it should be.",
            tenant: lane?.tenant,
            product: lane?.product,
            jobID: job,
            publisher: "portal",
            content: .message(
                DeadMessage(
                    sha256: [7, 7],
                    size: 12,
                    queue: "autotask.jobs",
                    exchange: death.map { _ in "autotask.jobs" },
                    routingKey: "sync.msp-1",
                    death: death
                )
            )
        )
    }

    @discardableResult
    func accept(_ items: IntakeItem..., by worker: WorkerID? = nil, at now: Timestamp = Bench.start) async throws -> Acceptance {
        try await store.accept(items, by: worker ?? self.worker, at: now) { conflict($0) }
    }

    // MARK: Lanes

    func claim(
        limit: Int = 100,
        by worker: WorkerID? = nil,
        perDatabase: Int = 2,
        at now: Timestamp = Bench.start,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision = { $0.inOrder(at: Bench.start) }
    ) async throws -> ClaimResult {
        let request = ClaimRequest(worker: worker ?? self.worker, limit: limit, maximumLanesPerDatabase: perDatabase)
        return try await store.claim(request, at: now, decide: decide)
    }

    /// Claims the work that is due at `now`.
    func claimDue(limit: Int = 100, by worker: WorkerID? = nil, at now: Timestamp) async throws -> ClaimResult {
        try await claim(limit: limit, by: worker, at: now) { $0.inOrder(at: now) }
    }

    /// Claims exactly one lane.
    func claimOne(by worker: WorkerID? = nil, at now: Timestamp = Bench.start) async throws -> LaneClaim {
        try #require(try await claimDue(limit: 1, by: worker, at: now).claims.first)
    }

    @discardableResult
    func finish(
        _ claim: LaneClaim,
        _ type: EventType = .syncSucceeded,
        after events: [Event] = [],
        data: JSONObject = ["what": "it was"],
        changes: LaneChanges = LaneChanges(),
        givenUp: GivenUp? = nil,
        at now: Timestamp = Bench.start
    ) async throws -> [OutboxEntry] {
        let events = events + [event(type, for: claim, data: data)]
        let completion = Completion(givenUp.map { .givenUp($0) } ?? .finished(nil), events: events, changes: changes)
        return try await store.complete(claim.token, with: completion, at: now)
    }

    /// Accepts a job of a lane and runs it to its end.
    @discardableResult
    func run(
        _ id: String,
        _ lane: Lane = .one,
        _ kind: JobKind = .sync,
        ending type: EventType = .syncSucceeded,
        changes: LaneChanges = LaneChanges(),
        at now: Timestamp = Bench.start
    ) async throws -> [OutboxEntry] {
        try await accept(.job(id, lane, kind), at: now)
        let claim = try #require(try await claimDue(at: now).claims.first { $0.job.id.description == id })
        return try await finish(claim, type, changes: changes, at: now)
    }

    /// The lane's state, as the next claim would see it.
    func state(_ lane: Lane = .one) async throws -> LaneState { try #require(try await store.lane(lane)).state }

    /// Ids of the jobs that wait in a lane.
    func unfinished(_ lane: Lane = .one) async throws -> [String] {
        try await store.lane(lane)?.unfinished.map(\.id.description) ?? []
    }

    func unpublished(of worker: WorkerID? = nil) async throws -> [OutboxEntry] {
        try await store.unpublished(of: worker ?? self.worker, after: 0, limit: 1000)
    }

    /// Expects that the store refuses `operation` because another worker has taken over.
    func expectFenced(_ comment: Comment, _ operation: () async throws -> Void) async {
        await expect(.fenced, comment, operation)
    }

    /// Expects that the store refuses `operation`.
    func expect(_ code: StoreError.Code, _ comment: Comment, _ operation: () async throws -> Void) async {
        let error = await #expect(throws: StoreError.self, comment) { try await operation() }
        #expect(error?.code == code, comment)
    }
}

private final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> Int {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}

extension Lane {
    static let one = Lane.of("msp-1")
    static let two = Lane.of("msp-2")
    static let three = Lane.of("msp-3")

    static func of(_ tenant: String, _ product: Product = .workplace) -> Lane { Lane(tenant: TenantID(tenant)!, product: product) }
}

extension IntakeItem {
    static func job(
        _ id: String,
        _ lane: Lane = .one,
        _ kind: JobKind = .sync,
        digest: [UInt8] = [1],
        plan: String? = nil,
        revision: Int64? = nil,
        requestedAt: Timestamp? = nil,
        expiry: Timestamp? = Bench.start + .seconds(3600),
        redelivered: [UInt8]? = nil,
        overtakersAfter: Int64? = nil
    ) -> IntakeItem {
        let key = JobKey(id: JobID(id)!, lane: lane, digest: digest)
        let job = AcceptableJob(
            key: key,
            kind: kind,
            planID: plan,
            revision: revision,
            requestedAt: requestedAt,
            expiry: expiry,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            publisher: "portal",
            sealedPayload: Array("sealed \(id)".utf8)
        )
        return IntakeItem(.job(job), redeliveredSHA256: redelivered, overtakersAfter: overtakersAfter)
    }
}

extension LaneSnapshot {
    /// Runs the first job that is due.
    func inOrder(at now: Timestamp) -> LaneDecision {
        if let due = jobs.first(where: { $0.notBefore.map { $0 <= now } ?? true }) {
            return LaneDecision(next: .run(order: due.order, .work))
        }
        return LaneDecision(next: .wait(until: jobs.compactMap(\.notBefore).min()))
    }
}

extension [OutboxEntry] {
    var sequences: [Int64?] { map(\.event.sequence) }
    var epochs: [Int64] { map(\.event.epoch) }
    var types: [EventType] { map(\.event.event.type) }
}

extension ClaimResult {
    var lanes: [Lane] { claims.map(\.token.lane) }
    var jobs: [String] { claims.map(\.job.id.description) }
}
