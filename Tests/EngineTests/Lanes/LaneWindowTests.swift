import Contract
import Store
import Testing

@testable import Engine
@testable import EngineSimulation

/// A claim that sees a part of a lane must decide like one that sees all of it.
@Suite("A part of a lane decides like the whole")
struct LaneWindowTests {
    private static let start = Timestamp("2026-11-22T08:00:00Z")!

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `jobs of a lane run in the same way, whether a claim sees all of them or a few`(seed: UInt64) {
        let whole = Drain.outcome(seed: seed, limit: .max, isTimeless: true)
        let part = Drain.outcome(seed: seed, limit: 8, isTimeless: true)
        #expect(part.ran == whole.ran)
        #expect(part.ended == whole.ended && part.isDry && whole.isDry && part.tooEarly.isEmpty)
    }

    /// If jobs wait for times or expire, a part may run due jobs in another order than the whole, but none before its rivals ended.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `a lane seen in part is worked off within the limits, and no job runs too early`(seed: UInt64) {
        for limit in [4, 8, .max] {
            let part = Drain.outcome(seed: seed, limit: limit, isTimeless: false)
            #expect(part.isDry && part.tooEarly.isEmpty)
            #expect(part.largest <= LaneSnapshot.maximumRows && part.mostEnded <= LaneSnapshot.maximumEnded)
        }
    }

    /// A lane that is worked off, one job at a time.
    private struct Drain {
        private let limit: Int
        private let seed: UInt64
        /// Whether every job is due, and runs once.
        private let isTimeless: Bool
        private var jobs: [QueuedJob] = []
        private var revisions: [String: Int64] = [:]
        private var now = LaneWindowTests.start

        private init(seed: UInt64, limit: Int, isTimeless: Bool) {
            self.seed = seed
            self.limit = limit
            self.isTimeless = isTimeless
            var random = SeededRandom(seed: seed)
            let plans = Int.random(in: 1...40, using: &random)
            var written = 0
            for order in 1...Int64.random(in: 20...150, using: &random) {
                let kinds: [JobKind] =
                    Array(repeating: .sync, count: 12)
                    + [.sync, .preview, .preview, .billingCodes, .billingCodes, .connect, .verify, .diagnose, .drift]
                var kind = kinds.randomElement(using: &random) ?? .sync
                if Int.random(in: 0..<60, using: &random) == 0 { kind = .reset }
                func moment(_ range: ClosedRange<Int>) -> Timestamp {
                    LaneWindowTests.start + .seconds(Int.random(in: range, using: &random))
                }
                var job = QueuedJob(
                    order: order,
                    id: JobID("job-\(order)")!,
                    kind: kind,
                    planID: kind.hasPlan ? "plan-\(Int.random(in: 1...plans, using: &random))" : nil,
                    revision: kind == .sync && Bool.random(using: &random) ? Int64.random(in: 0...4, using: &random) : nil,
                    acceptedAt: LaneWindowTests.start
                )
                switch Int.random(in: 0..<10, using: &random) {
                case 0: job.expiry = moment(isTimeless ? -20...(-1) : -20...200)
                case 1 where !isTimeless:
                    job.attempts = 1
                    job.notBefore = moment(0...90)
                    if kind == .sync, written < 3 {
                        job.hasWritten = true
                        written += 1
                    }
                case 2 where Int.random(in: 0..<4, using: &random) == 0: job.interruptions = 5
                case 3 where Int.random(in: 0..<4, using: &random) == 0: job.isFromBackup = true
                default: break
                }
                jobs.append(job)
            }
        }

        struct Outcome {
            /// The jobs in order, with how they ran.
            var ran: [String] = []
            var ended: Set<Int64> = []
            /// Jobs that ran too early.
            var tooEarly: [String] = []
            var isDry = false
            var largest = 0
            var mostEnded = 0
        }

        static func outcome(seed: UInt64, limit: Int, isTimeless: Bool) -> Outcome {
            var drain = Drain(seed: seed, limit: limit, isTimeless: isTimeless)
            return drain.run()
        }

        private mutating func run() -> Outcome {
            var outcome = Outcome()
            let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
            for _ in 0..<5000 {
                let order = LaneOrder(now: now) { [now] type, job, data in
                    Event(id: "e", type: type, lane: lane, jobID: job.id, time: now, traceparent: nil, data: data)
                }
                let view = LaneView(lane: lane, jobs: jobs, revisions: revisions, now: now, limit: limit)
                let (snapshot, decision) = view.decision(order.decide)
                if !snapshot.isComplete { outcome.largest = max(outcome.largest, snapshot.jobs.count) }
                if !snapshot.isComplete { outcome.mostEnded = max(outcome.mostEnded, decision.settlements.count) }
                for settlement in decision.settlements { end(settlement.order, &outcome) }
                for (place, standing) in decision.raised { change(place) { $0.standing = standing } }
                if let place = decision.committed { change(place) { $0.expiry = nil } }
                switch decision.next {
                case .again, .keep: break
                case .wait(nil):
                    outcome.isDry = jobs.isEmpty
                    return outcome
                case .wait(let moment?): now = moment
                case .run(let place, .conclude):
                    outcome.ran.append("\(place) concluded")
                    end(place, &outcome)
                case .run(let place, .work):
                    now = now + .seconds(1)
                    attempt(place, &outcome)
                }
            }
            return outcome
        }

        /// One attempt: some jobs take several.
        private mutating func attempt(_ place: Int64, _ outcome: inout Outcome) {
            guard let job = jobs.first(where: { $0.order == place }) else { return }
            outcome.ran.append("\(place)")
            let rivals = jobs.filter { other in
                guard other.order < place else { return false }
                if job.kind == .reset { return true }
                guard job.kind.isReplaceable, other.kind == job.kind, other.planID == job.planID else { return false }
                return other.standing.map { $0 <= job.standing ?? .max } ?? true
            }
            outcome.tooEarly += rivals.map { "\(place) before \($0.order)" }
            guard !isTimeless, job.attempts < Int((UInt64(place) &* 2_654_435_761 &+ seed) % 3) else {
                if job.kind == .reset { revisions = [:] }
                if let planID = job.planID, let revision = job.revision { revisions[planID] = max(revisions[planID] ?? revision, revision) }
                return end(place, &outcome)
            }
            let until = now + .seconds(10)
            change(place) {
                $0.attempts += 1
                $0.notBefore = until
                if $0.kind == .sync, place.isMultiple(of: 2) { $0.hasWritten = true }
            }
        }

        private mutating func change(_ place: Int64, _ body: (inout QueuedJob) -> Void) {
            if let index = jobs.firstIndex(where: { $0.order == place }) { body(&jobs[index]) }
        }

        private mutating func end(_ place: Int64, _ outcome: inout Outcome) {
            jobs.removeAll { $0.order == place }
            outcome.ended.insert(place)
        }
    }
}
