import Contract
import Store
import Testing

/// The holder of a lane, and when a free lane is due.
struct LaneHoldTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!
    private let worker = WorkerID("worker-1")
    private let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)

    @Test("A lease raises the fencing number, leaves the line, and takes the place that the lane needs")
    func lease() {
        var hold = LaneHold(fence: 6, rank: LaneRank.urgent, turn: 3, database: 5, wanted: 8)
        hold.lease(to: worker, running: 11, hasPlace: true)
        #expect(hold == LaneHold(fence: 7, worker: worker, running: 11, rank: LaneRank.urgent, database: 5, wanted: 8, occupied: 8))
        #expect(!hold.isFree)

        // Without a place a job is only concluded.
        var concluding = LaneHold(turn: 3, database: 5)
        concluding.lease(to: worker, running: 11, hasPlace: false)
        #expect(concluding.occupied == nil)
    }

    @Test("A lane is held under the claim with its fencing number, worker and job, and under no other")
    func fencing() {
        var hold = LaneHold(turn: 1)
        hold.lease(to: worker, running: 11, hasPlace: true)
        let claim = ClaimToken(lane: lane, worker: worker, fence: 1, order: 11)
        #expect(hold.isHeld(under: claim))
        #expect(!hold.isHeld(under: ClaimToken(lane: lane, worker: worker, fence: 2, order: 11)))
        #expect(!hold.isHeld(under: ClaimToken(lane: lane, worker: WorkerID("worker-2"), fence: 1, order: 11)))
        #expect(!hold.isHeld(under: ClaimToken(lane: lane, worker: worker, fence: 1, order: 12)))
        hold.release()
        #expect(!hold.isHeld(under: claim))
    }

    @Test("A lane that is given back has no place, and waits at another database only if its job was put back for that")
    func release() {
        var hold = LaneHold(turn: 1, database: 5)
        hold.lease(to: worker, running: 11, hasPlace: true)
        hold.occupy(8, hasPlace: false)
        #expect(hold.occupied == 5 && hold.neededDatabase == 8)
        var postponed = hold
        postponed.release(isPostponed: true)
        #expect(postponed.isFree && postponed.occupied == nil && postponed.neededDatabase == 8)
        hold.release()
        #expect(hold.isFree && hold.running == nil && hold.occupied == nil && hold.neededDatabase == 5)

        hold.lease(to: worker, running: 12, hasPlace: true)
        hold.occupy(8, hasPlace: true)
        #expect(hold.occupied == 8 && hold.wanted == nil)
    }

    @Test("A job puts a free lane in line, at the end unless it is there, and never behind jobs that wait in it")
    func takeIn() {
        var hold = LaneHold()
        hold.takeIn(rank: LaneRank.asked) { 7 }
        #expect(hold.turn == 7 && hold.rank == LaneRank.asked)
        hold.takeIn(rank: LaneRank.urgent) { 8 }
        #expect(hold.turn == 7 && hold.rank == LaneRank.urgent)
        hold.takeIn(rank: LaneRank.asked) { 9 }
        #expect(hold.turn == 7 && hold.rank == LaneRank.urgent)

        var waiting = LaneHold(rank: LaneRank.urgent, wakeAt: now)
        waiting.takeIn(rank: LaneRank.asked) { 8 }
        #expect(waiting == LaneHold(rank: LaneRank.urgent, turn: 8))

        // The rank of a lane without jobs does not matter.
        var idle = LaneHold(rank: LaneRank.urgent)
        idle.takeIn(rank: LaneRank.idle) { 8 }
        #expect(idle == LaneHold(rank: LaneRank.idle, turn: 8))

        var held = LaneHold(worker: worker, running: 11)
        let before = held
        held.takeIn(rank: LaneRank.urgent) { 8 }
        #expect(held == before)
    }

    @Test("A free lane lines up when a job is due, waits when one will be, and otherwise does neither")
    func schedule() {
        func scheduled(_ earliest: Timestamp??, expiry: Timestamp? = nil) -> LaneHold {
            var hold = LaneHold(turn: 1, wakeAt: now)
            hold.schedule(LaneDue(earliest: earliest, at: now) { expiry }, rank: LaneRank.idle) { 2 }
            return hold
        }
        #expect(scheduled(nil) == LaneHold(rank: LaneRank.idle))
        #expect(scheduled(.some(nil)) == LaneHold(rank: LaneRank.idle, turn: 2))
        #expect(scheduled(now) == LaneHold(rank: LaneRank.idle, turn: 2))
        #expect(scheduled(now + .seconds(1)) == LaneHold(rank: LaneRank.idle, wakeAt: now + .seconds(1)))
        // A job that expires before it begins ends then.
        #expect(scheduled(now + .seconds(9), expiry: now + .seconds(1)) == LaneHold(rank: LaneRank.idle, wakeAt: now + .seconds(1)))
        #expect(scheduled(now + .seconds(9), expiry: now) == LaneHold(rank: LaneRank.idle, turn: 2))
    }

    @Test("Resets and connects go first, scheduled checks last")
    func rank() {
        func job(_ kind: JobKind, isScheduled: Bool = false) -> QueuedJob {
            QueuedJob(order: 1, id: JobID("a")!, kind: kind, acceptedAt: now, isScheduled: isScheduled)
        }
        #expect(LaneRank.lowest(of: []) == LaneRank.idle)
        #expect(LaneRank.lowest(of: [job(.verify, isScheduled: true)]) == LaneRank.idle)
        #expect(LaneRank.lowest(of: [job(.verify), job(.drift, isScheduled: true)]) == LaneRank.asked)
        #expect(LaneRank.lowest(of: [job(.sync), job(.connect)]) == LaneRank.urgent)
        #expect(LaneRank.lowest(of: [job(.reset), job(.sync)]) == LaneRank.urgent)
        #expect(LaneRank.lowest(backlog: 0) { true } == LaneRank.idle)
        #expect(LaneRank.lowest(backlog: 2) { true } == LaneRank.urgent)
        #expect(LaneRank.lowest(backlog: 2) { false } == LaneRank.asked)
        #expect([LaneRank.idle, LaneRank.urgent, LaneRank.asked].sorted() == [LaneRank.urgent, LaneRank.asked, LaneRank.idle])
    }
}
