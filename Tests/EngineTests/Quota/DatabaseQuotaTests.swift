import Autotask
import Contract
import Synchronization
import Testing

@testable import Engine

@Suite("The quota of an Autotask database")
struct DatabaseQuotaTests {
    private static let start = Timestamp("2026-11-22T08:00:30Z")!

    private let now = start
    private let quotas = DatabaseQuotas(share: 50)

    private func admit(_ priority: CallPriority, at moment: Timestamp) -> DatabaseQuota.Admission {
        quotas.admit(priority, to: 1, at: moment)
    }

    /// Makes calls, up to the number that is admitted.
    private func admitted(_ count: Int, _ priority: CallPriority, at moment: Timestamp) -> Int {
        (0..<count).count { _ in admit(priority, at: moment) == .go }
    }

    private func count(_ calls: Int = 1, at moment: Timestamp) {
        for _ in 0..<calls { quotas.count(for: 1, at: moment) }
    }

    private func claimReading(for priority: CallPriority, at moment: Timestamp) -> Bool {
        quotas.claimReading(for: priority, of: 1, at: moment)
    }

    /// Records a usage of Autotask's usual quota.
    private func read(used: Int, limit: Int = 10_000, at moment: Timestamp = start) {
        quotas.read(RequestThreshold(limit: limit, timeframe: .seconds(3600), used: used), of: 1, at: moment)
    }

    private func usage(at moment: Timestamp) -> DatabaseQuota.Usage { quotas.usage(of: 1, at: moment) }

    @Test func `a changed share holds for a database that was called before`() {
        let share = Mutex(50)
        let quotas = DatabaseQuotas(share: share.withLock { $0 })
        quotas.count(for: 1, at: now)
        #expect(quotas.usage(of: 1, at: now).ownLimit == 5000)
        share.withLock { $0 = 10 }
        #expect(quotas.usage(of: 1, at: now).ownLimit == 1000)
        #expect(quotas.usage(of: 1, at: now).own == 1)
    }

    @Test func `a change of the band is reported once`() {
        count(at: now)
        #expect(quotas.changeOfBand(of: 1, at: now) == nil)
        read(used: 7600, at: now)
        let change = quotas.changeOfBand(of: 1, at: now)
        #expect(change?.band == .below90 && change?.usage.percent == 76)
        #expect(quotas.changeOfBand(of: 1, at: now) == nil)
        read(used: 100, at: now)
        #expect(quotas.changeOfBand(of: 1, at: now)?.band == .below50)
    }

    // MARK: Bands

    @Test(arguments: [
        (4999, [CallPriority.connect, .finishing, .interactive, .reading, .scheduled]),
        (5000, [.connect, .finishing, .interactive, .reading]),
        (7499, [.connect, .finishing, .interactive, .reading]),
        (7500, [.connect, .finishing, .interactive]),
        (8999, [.connect, .finishing, .interactive]),
        (9000, [.connect, .finishing]),
        (9499, [.connect, .finishing]),
        (9500, [.connect]),
        (12_000, [.connect]),
    ])
    func `each priority waits from its band on`(used: Int, admitted: [CallPriority]) {
        for priority in CallPriority.allCases {
            read(used: used)
            let decision = admit(priority, at: now)
            #expect(decision == (admitted.contains(priority) ? .go : .wait(until: now + .seconds(60))), "\(priority)")
        }
    }

    @Test func `the worker's calls since the reading count`() {
        read(used: 4998)
        #expect(admitted(5, .scheduled, at: now) == 2)
        #expect(usage(at: now).used == 5000)
    }

    @Test func `a reading is valid for its time, and then says nothing`() {
        read(used: 9900)
        #expect(admit(.interactive, at: now + .seconds(3599)) != .go)
        #expect(admit(.interactive, at: now + .seconds(3600)) == .go)
    }

    // MARK: Readings

    @Test func `a few calls are not worth a reading, and ten are`() {
        count(9, at: now)
        #expect(!claimReading(for: .interactive, at: now))
        count(at: now)
        #expect(!claimReading(for: .connect, at: now))
        #expect(claimReading(for: .interactive, at: now))
    }

    @Test func `before scheduled work a reading is always worthwhile, but at most once a minute`() {
        #expect(claimReading(for: .scheduled, at: now))
        #expect(!claimReading(for: .scheduled, at: now + .seconds(59)))
        #expect(claimReading(for: .scheduled, at: now + .seconds(60)))
    }

    @Test func `it is renewed at most once a minute, whoever calls and however often`() {
        var claimed = 0
        for second in 0..<300 {
            count(20, at: now + .seconds(second))
            for priority in CallPriority.allCases where claimReading(for: priority, at: now + .seconds(second)) { claimed += 1 }
        }
        #expect(claimed == 5)
    }

    @Test func `a waiting call causes another reading as soon as that is allowed`() {
        read(used: 9200)
        #expect(!claimReading(for: .interactive, at: now + .seconds(59)))
        #expect(claimReading(for: .interactive, at: now + .seconds(60)))
        #expect(!claimReading(for: .finishing, at: now + .seconds(120)))
        read(used: 8000, at: now + .seconds(120))
        #expect(admit(.interactive, at: now + .seconds(120)) == .go)
    }

    // MARK: The share

    @Test func `the worker never takes more than its share within an hour`() {
        read(used: 0, limit: 100)
        #expect(admitted(80, .interactive, at: now) == 50)
        read(used: 50, limit: 100)
        for priority in CallPriority.allCases where priority != .connect {
            // The minute of the calls, and sixty whole minutes.
            #expect(admit(priority, at: now) == .wait(until: Timestamp("2026-11-22T09:01:00Z")!), "\(priority)")
        }
        #expect(!claimReading(for: .scheduled, at: now + .seconds(600)))
        #expect(admit(.interactive, at: Timestamp("2026-11-22T09:00:59.999Z")!) != .go)
        #expect(admitted(80, .interactive, at: Timestamp("2026-11-22T09:01:00Z")!) == 50)
    }

    @Test func `a connect takes the rest of the whole quota`() {
        read(used: 0, limit: 100)
        #expect(admitted(80, .interactive, at: now) == 50)
        #expect(admitted(80, .connect, at: now) == 50)
    }

    @Test func `any window of an hour has no more calls than the share`() {
        var times: [Int] = []
        read(used: 0, limit: 200)
        // Seven hours of constant demand, in steps that do not match minutes.
        for step in 0..<3600 {
            let moment = now + .seconds(step * 7)
            if step % 9 == 0 { read(used: 0, limit: 200, at: moment) }
            for _ in 0..<(step % 3) where admit(.interactive, at: moment) == .go { times.append(step * 7) }
        }
        #expect(times.count > 500)
        for (index, time) in times.enumerated() {
            let window = times[index...].prefix { $0 < time + 3600 }
            #expect(window.count <= 100)
        }
    }

    @Test func `calls expire minute by minute`() {
        read(used: 0, limit: 20)
        #expect(admitted(4, .interactive, at: now) == 4)
        #expect(admitted(9, .interactive, at: now + .seconds(600)) == 6)
        let later = Timestamp("2026-11-22T09:01:00Z")!
        read(used: 0, limit: 20, at: later)
        #expect(admitted(9, .interactive, at: later) == 4)
        #expect(usage(at: later).own == 10)
    }

    @Test func `without a reading the quota is the usual one`() {
        #expect(usage(at: now) == DatabaseQuota.Usage(limit: 10_000, used: 0, own: 0, ownLimit: 5000))
        #expect(admitted(6000, .connect, at: now) == 6000)
        #expect(admit(.interactive, at: now) != .go)
    }

    @Test func `a clock that was set back neither restores calls nor stops the readings`() {
        count(12, at: now)
        #expect(claimReading(for: .interactive, at: now))
        let earlier = now - .seconds(7200)
        count(12, at: earlier)
        #expect(usage(at: earlier).own == 24)
        #expect(claimReading(for: .interactive, at: earlier))
    }

    // MARK: Memory

    @Test func `unused databases are forgotten`() {
        for database in 1...1000 { quotas.count(for: Int64(database), at: now) }
        #expect(quotas.count == 1000)
        quotas.count(for: 1, at: now + .seconds(3000))
        quotas.count(for: 1, at: now + .seconds(4000))
        #expect(quotas.count == 1)
    }

    @Test func `each database has its own quota`() {
        quotas.read(RequestThreshold(limit: 10_000, timeframe: .seconds(3600), used: 9999), of: 1, at: now)
        #expect(quotas.admit(.interactive, to: 1, at: now) != .go)
        #expect(quotas.admit(.interactive, to: 2, at: now) == .go)
    }
}
