import Contract
import Store
import Testing

/// How an attempt counts, and how a claim carries out a decision.
struct AttemptRuleTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!
    private let worker = WorkerID("worker-1")
    private let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)

    private func job(_ order: Int64, _ kind: JobKind = .sync, interruptions: Int = 0) -> QueuedJob {
        QueuedJob(order: order, id: JobID("job-\(order)")!, kind: kind, acceptedAt: now, interruptions: interruptions)
    }

    @Test("An attempt counts when it begins, and sets the deadline of a job for which a person waits")
    func begin() {
        let request = ClaimRequest(worker: worker, limit: 1, interactiveTime: .seconds(60))
        var sync = job(1)
        sync.notBefore = now
        sync.begin(under: request, at: now)
        #expect(sync.attempts == 1 && sync.notBefore == nil && sync.deadline == nil)
        var connect = job(1, .connect)
        connect.begin(under: request, at: now)
        connect.begin(under: request, at: now + .seconds(5))
        #expect(connect.attempts == 2 && connect.deadline == now + .seconds(60))
    }

    @Test("Only a decision about a window asks for rivals outside it, and decides again if there are any")
    func windows() {
        let run = LaneDecision(next: .run(order: 2, .work))
        let jobs = [job(2), job(3)]
        let whole = LaneSnapshot(lane: lane, jobs: jobs, revisions: [:])
        var asked: [Int64] = []
        var result = whole.decision(
            { _ in run },
            rivals: {
                asked.append($0.order); return [job(1)]
            }
        )
        #expect(asked == [] && result.snapshot.jobs == jobs)

        let part = LaneSnapshot(lane: lane, jobs: jobs, revisions: [:], isComplete: false)
        result = part.decision(
            { _ in LaneDecision(next: .again) },
            rivals: {
                asked.append($0.order); return [job(1)]
            }
        )
        #expect(asked == [] && result.snapshot.jobs == jobs)

        result = part.decision(
            { _ in run },
            rivals: {
                asked.append($0.order); return []
            }
        )
        #expect(asked == [2] && result.snapshot.jobs == jobs)

        result = part.decision(
            { $0.jobs.count == 3 ? LaneDecision(next: .run(order: 1, .work)) : run },
            rivals: { _ in [job(1)] }
        )
        #expect(result.snapshot.jobs.map(\.order) == [1, 2, 3] && result.decision.next == .run(order: 1, .work))
        #expect(LaneSnapshot.isComplete(backlog: LaneSnapshot.limit - JobKind.scheduled.count))
        #expect(!LaneSnapshot.isComplete(backlog: LaneSnapshot.limit - JobKind.scheduled.count + 1))
    }

    @Test("A suspect waits while another runs, and only the conclusion of a job needs no place")
    func obstacles() {
        let jobs = [job(1, interruptions: 1), job(2, interruptions: 2)]
        func obstacle(_ next: LaneDecision.Next, hasPlace: Bool = true, isSuspectRunning: Bool = true) -> ClaimObstacle? {
            LaneDecision(next: next).obstacle(among: jobs, hasPlace: hasPlace) { isSuspectRunning }
        }
        #expect(obstacle(.run(order: 1, .work)) == nil)
        #expect(obstacle(.run(order: 2, .work)) == .suspectRuns)
        #expect(obstacle(.run(order: 2, .work), isSuspectRunning: false) == nil)
        #expect(obstacle(.wait(until: nil)) == nil)
        #expect(obstacle(.run(order: 1, .work), hasPlace: false) == .databaseIsFull)
        #expect(obstacle(.again, hasPlace: false) == .databaseIsFull)
        #expect(obstacle(.run(order: 1, .conclude(JobError(.timeout))), hasPlace: false) == nil)
    }
}
