import Contract
import Store
import Testing

@testable import Engine

/// Decisions on arrival.
extension LaneOrderTests {
    @Test func `on arrival the winner stays, and a job that has begun or runs is left alone`() {
        #expect(admit(job(2, .sync), among: [job(1, .sync)]).ended == [1: .jobSuperseded])
        #expect(admit(job(2, .sync, revision: 1), among: [job(1, .sync, revision: 2)]).ended == [2: .jobSuperseded])
        #expect(admit(job(2, .sync), among: [job(1, .sync, notBefore: Self.later, attempts: 1)]).ended.isEmpty)
        #expect(admit(job(2, .sync), among: [job(1, .sync, attempts: 1)], running: 1).ended.isEmpty)
        #expect(admit(job(2, .sync, revision: 1), among: [job(1, .sync, revision: 2, attempts: 1)], running: 1).ended.isEmpty)
        #expect(admit(job(2, .sync, revision: 4), among: [job(1, .sync)], ran: 5).ended.isEmpty)
        #expect(admit(job(2, .sync, expiry: Self.now), among: [job(1, .sync)]).ended.isEmpty)
    }

    @Test func `an older revision than the one that runs does not replace a sync without one`() {
        let running = job(1, .sync, revision: 5, attempts: 1)
        let result = admit(job(3, .sync, revision: 4), among: [running, job(2, .sync)], running: 1)
        #expect(result.ended == [3: .jobSuperseded])
    }

    @Test func `a job behind a waiting reset is compared with nothing before the reset`() {
        let reset = job(2, .reset)
        #expect(decide([reset, job(3, .connect), job(4, .sync, revision: 1)], revisions: ["plan": 5]).ended.isEmpty)
        let between = decide([job(1, .sync, revision: 5), reset, job(3, .sync, revision: 1)])
        #expect(between.ended == [1: .jobSuperseded] && between.next == .run(order: 2, .work))
        #expect(admit(job(3, .sync, revision: 1), among: [job(1, .sync, revision: 5)], reset: 2).ended.isEmpty)
        #expect(admit(job(4, .sync, revision: 1), among: [job(3, .sync)], ran: 5, reset: 2).ended == [3: .jobSuperseded])
        #expect(admit(job(3, .reset), among: [reset], reset: 3).ended == [2: .jobSuperseded])
        // An expired reset ends no epoch.
        let expired = decide([job(1, .reset, expiry: Self.now), job(2, .sync, revision: 1)], revisions: ["plan": 5])
        #expect(expired.ended == [1: .jobExpired, 2: .jobSuperseded])
    }

    @Test func `a full lane refuses a job that makes no room`() {
        #expect(admit(job(9, .sync), among: [], isFull: true).ended == [9: .jobRejected])
        #expect(admit(job(9, .billingCodes), among: [], isFull: true).ended == [9: .jobRejected])
        #expect(admit(job(9, .sync), among: [job(1, .sync)], isFull: true).ended == [1: .jobSuperseded])
        for kind in [JobKind.reset, .connect] {
            #expect(admit(job(9, kind), among: [], isFull: true).ended.isEmpty)
        }
    }

    @Test func `in a full lane a job that may expire ends all its rivals except the one that expires last`() {
        for kind in [JobKind.reset, .connect] {
            let soon = job(9, kind, expiry: Self.now + .seconds(1))
            #expect(admit(soon, among: [job(1, kind)], isFull: true).ended.isEmpty)
            #expect(admit(soon, among: [job(1, kind, expiry: Self.later)], isFull: true).ended.isEmpty)
            // Otherwise a lane could be filled with exceptions.
            let rivals = [job(1, kind, expiry: Self.later), job(2, kind), job(3, kind, expiry: Self.later)]
            #expect(admit(soon, among: rivals, isFull: true).ended == [1: .jobSuperseded, 3: .jobSuperseded])
            #expect(admit(job(9, kind), among: rivals, isFull: true).ended == [1: .jobSuperseded, 2: .jobSuperseded, 3: .jobSuperseded])
        }
    }

    @Test func `a redelivered job behind newer requests ends as if it had come in time`() {
        #expect(admit(job(9, .sync), among: [], overtakenBy: [job(3, .reset)]).ended == [9: .jobSuperseded])
        #expect(admit(job(9, .billingCodes), among: [], overtakenBy: [job(3, .reset)]).ended == [9: .jobSuperseded])
        #expect(admit(job(9, .connect), among: [], overtakenBy: [job(3, .connect)]).ended == [9: .jobSuperseded])
        #expect(admit(job(9, .sync), among: [], overtakenBy: [job(3, .sync, attempts: 1)]).ended == [9: .jobSuperseded])
        #expect(admit(job(9, .sync, revision: 5), among: [], overtakenBy: [job(3, .sync, revision: 6)]).ended == [9: .jobSuperseded])
        let raised = admit(job(9, .sync, revision: 5), among: [], overtakenBy: [job(3, .sync)])
        #expect(raised.ended == [9: .jobSuperseded] && raised.raised == [3: 5])
        // Behind a job that may still expire, it would end that job.
        for kind in [JobKind.sync, .reset] {
            let expiring = job(3, kind, expiry: Self.later)
            #expect(admit(job(9, .sync), among: kind == .sync ? [expiring] : [], overtakenBy: [expiring]).ended == [9: .jobSuperseded])
        }
    }

    @Test func `a job that would not have ended in time does not end because it is late`() {
        #expect(admit(job(9, .sync, revision: 7), among: [], overtakenBy: [job(3, .sync, revision: 6)]).ended.isEmpty)
        #expect(admit(job(9, .billingCodes), among: [], overtakenBy: [job(3, .billingCodes)]).ended.isEmpty)
        // A job that does not run ends nothing.
        #expect(admit(job(9, .sync), among: [], overtakenBy: [job(3, .reset, expiry: Self.now)]).ended.isEmpty)
        #expect(admit(job(9, .sync), among: [], ran: 3, overtakenBy: [job(3, .sync, revision: 2)]).ended.isEmpty)
        #expect(admit(job(9, .sync), among: [], overtakenBy: [job(3, .reset, isFromBackup: true)]).ended.isEmpty)
        // A late reset erases what it finds.
        #expect(admit(job(9, .reset), among: [job(3, .reset, attempts: 1)], running: 3).ended.isEmpty)
        // It is compared with waiting jobs, as any other.
        #expect(
            admit(job(9, .sync, revision: 7), among: [job(3, .sync)], overtakenBy: [job(2, .sync, revision: 6)]).ended == [
                3: .jobSuperseded
            ]
        )
    }

    // MARK: -

    func admit(
        _ job: QueuedJob,
        among rivals: [QueuedJob],
        running: Int64? = nil,
        ran: Int64? = nil,
        reset: Int64? = nil,
        isFull: Bool = false,
        overtakenBy overtakers: [QueuedJob] = []
    ) -> (ended: [Int64: EventType], raised: [Int64: Int64]) {
        let arrival = Arrival(
            lane: lane,
            job: job,
            rivals: rivals,
            running: running,
            ranRevision: ran,
            lastReset: reset,
            isLaneFull: isFull,
            overtakers: overtakers
        )
        let admission = order.admit(arrival)
        return (Dictionary(uniqueKeysWithValues: admission.settlements.map { ($0.order, $0.event.type) }), admission.raised)
    }
}
