import Contract
import Store
import Testing

/// Rules about workers, events and ids that every store applies.
struct SharedRuleTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!
    private let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)

    private func other(_ name: String, _ seconds: Int, isGone: Bool = false) -> OtherWorker {
        OtherWorker(id: WorkerID(name), leaseEnd: now + .seconds(seconds), isGone: isGone)
    }

    private func event(_ type: EventType, data: JSONObject = ["services": 4]) -> Event {
        Event(id: "e", type: type, lane: lane, jobID: JobID("a"), time: now, traceparent: nil, data: data)
    }

    @Test("A worker's lanes are taken over when its lease is over, or its process is gone")
    func takeover() {
        #expect(other("a", -1).isLost(at: now))
        #expect(!other("a", 0).isLost(at: now))
        #expect(other("a", 15, isGone: true).isLost(at: now))
        #expect([other("a", -1), other("b", 9), other("c", 4), other("d", 2, isGone: true)].nextEnd(at: now) == now + .seconds(4))
        #expect([other("a", -1)].nextEnd(at: now) == nil)
    }

    @Test("A worker whose clock is behind a live one's by more than the tolerance cannot join")
    func clocks() {
        let lease = now + .seconds(15)
        #expect(throws: Never.self) {
            try [other("a", 25), other("b", 900, isGone: true), other("c", -900)].checkClocks(joiningUntil: lease)
        }
        let error = #expect(throws: StoreError.self) { try [other("a", 15), other("b", 26)].checkClocks(joiningUntil: lease) }
        #expect(error?.code == .clockBehind && error?.message.contains("worker b") == true)
    }

    @Test("Events that have a sequence take the next number of their lane's epoch, and the others none")
    func sequence() {
        var next: Int64 = 7
        #expect(OrderedEvent(placing: event(.syncSucceeded), epoch: 2, next: &next).sequence == 7)
        #expect(OrderedEvent(placing: event(.syncProgress), epoch: 2, next: &next).sequence == nil)
        let last = OrderedEvent(placing: event(.syncFailed), epoch: 2, next: &next)
        #expect(last.sequence == 8 && last.epoch == 2 && next == 9)
    }

    @Test("A delivery under a known id is a conflict, a repetition that is answered again, or belongs to an unfinished job")
    func knownJobs() {
        let key = JobKey(id: JobID("a")!, lane: lane, digest: [1])
        let ended = OrderedEvent(event: event(.syncSucceeded), epoch: 2, sequence: 7)
        let known = KnownJob(digest: [1], finishedAt: now, event: ended)
        guard case .conflict = KnownJob(digest: [2], finishedAt: now, event: ended).answer(to: key, at: now) else {
            Issue.record("Another payload is a conflict.")
            return
        }
        guard case .underWay = KnownJob(digest: [1]).answer(to: key, at: now) else {
            Issue.record("A job without an end is under way.")
            return
        }
        #expect(replay(known, at: now + Retention.data - .milliseconds(1)) == ended)
        // The events that are published once their data is erased: by age, or earlier by a reset.
        let erased = OrderedEvent(event: event(.syncSucceeded, data: ["erased": true]), epoch: 2, sequence: nil)
        #expect(replay(known, at: now + Retention.data) == erased)
        var blank = ended
        blank.event.data = []
        #expect(replay(KnownJob(digest: [1], finishedAt: now, event: blank), at: now) == erased)
    }

    private func replay(_ known: KnownJob, at moment: Timestamp) -> OrderedEvent? {
        guard case .replay(let event) = known.answer(to: JobKey(id: JobID("a")!, lane: lane, digest: [1]), at: moment) else { return nil }
        return event
    }

    @Test("No two laws are the same")
    func laws() { #expect(Set(StoreLaw.all).count == StoreLaw.all.count && Set(StoreLaw.all.map(\.breach)).count == StoreLaw.all.count) }
}
