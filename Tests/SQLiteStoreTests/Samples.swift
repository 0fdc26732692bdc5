import Contract
import Store
import Testing

@testable import SQLiteStore

extension Timestamp {
    static let start = Timestamp("2026-11-22T08:00:00Z")!
}

extension WorkerID {
    static let one = WorkerID("worker-1")
    static let two = WorkerID("worker-2")
}

extension Lane {
    static let one = Lane(tenant: TenantID("msp-1")!, product: .workplace)
    static let two = Lane(tenant: TenantID("msp-2")!, product: .workplace)
}

extension IntakeItem {
    static func job(
        _ id: String,
        _ lane: Lane = .one,
        _ kind: JobKind = .sync,
        plan: String? = nil,
        revision: Int64? = nil,
        expiry: Timestamp? = nil
    ) -> IntakeItem {
        IntakeItem(
            .job(
                AcceptableJob(
                    key: JobKey(id: JobID(id)!, lane: lane, digest: [1]),
                    kind: kind,
                    planID: plan,
                    revision: revision,
                    expiry: expiry,
                    sealedPayload: [UInt8](repeating: 1, count: 500)
                )
            )
        )
    }
}

extension IntakeItem {
    /// A message that is refused: one event in its lane.
    static func refusal(_ id: String, _ lane: Lane = .one) -> IntakeItem {
        let key = JobKey(id: JobID(id)!, lane: lane, digest: [1])
        let event = Event(id: "refused-\(id)", type: .jobRejected, lane: lane, jobID: key.id, time: .start, traceparent: nil, data: [:])
        let message = DeadMessage(sha256: [7], size: 12, queue: "autotask.jobs", exchange: nil, routingKey: "sync.msp-1", death: nil)
        let letter = DeadLetter(
            at: .start,
            cause: FailureCause(reason: "job_invalid"),
            detail: "",
            tenant: lane.tenant,
            product: lane.product,
            jobID: key.id,
            publisher: nil,
            content: .message(message)
        )
        return IntakeItem(.refused(key, event: event, letter))
    }
}

/// Waits until something has happened on another thread. The suite's time limit ends the wait, and the test says what it waited for.
func waitUntil(_ what: String, _ hasHappened: () -> Bool) async throws {
    while !hasHappened() {
        guard !Task.isCancelled else {
            Issue.record("The test waited in vain until \(what).")
            throw CancellationError()
        }
        await Task.yield()
    }
}

extension LaneSnapshot {
    /// Runs the first job.
    var first: LaneDecision { LaneDecision(next: .run(order: jobs[0].order, .work)) }
}

extension Event {
    static func answering(_ claim: LaneClaim, _ type: EventType, data: JSONObject = [:]) -> Event {
        Event(
            id: "event-\(claim.token.order)",
            type: type,
            lane: claim.token.lane,
            jobID: claim.job.id,
            time: .start,
            traceparent: nil,
            data: data
        )
    }
}

extension Transaction {
    /// Accepts items that end no other job on arrival.
    func accept(_ items: [IntakeItem], by worker: WorkerID, at now: Timestamp, conflict: @escaping @Sendable (IntakeItem) -> Event) throws
        -> Acceptance
    {
        try accept(items, by: worker, at: now, rules: IntakeRules(laneLimit: .max, admit: { _ in Admission() }, conflict: conflict))
    }
}
