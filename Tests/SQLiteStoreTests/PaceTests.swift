import GRDB
import Glibc
import Store
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("Long work beside workers", .timeLimit(.minutes(1)))
struct PaceTests {
    @Test("It rests three times as long as it worked, and never for long")
    func rest() {
        #expect(Pace.rest(after: .milliseconds(4)) == .milliseconds(12))
        #expect(Pace.rest(after: .seconds(60)) == Pace.longestRest)
    }

    @Test("Steps of a process take turns, and each is followed by its rest")
    func turns() async throws {
        let log = Log()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await StoreThread.run { () throws(StoreError) in
                        for _ in 0..<5 { Pace.step { log.work() } }
                    }
                }
            }
            try await group.waitForAll()
        }
        let steps = log.steps.withLock { $0 }
        #expect(steps.count == 15)
        for (step, next) in zip(steps, steps.dropFirst()) { #expect(next.begin - step.end >= Pace.rest(after: step.end - step.begin)) }
    }

    @Test("A long statement is divided into steps")
    func statements() throws {
        try DatabaseQueue().read { database in
            func count() throws -> (wall: Duration, work: Duration) {
                let (begin, used) = (ContinuousClock.now, Self.processorTime())
                let sum = try Int.fetchOne(
                    database,
                    sql: "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT SUM(i) FROM n"
                )
                #expect(sum == 45_000_150_000)
                return (.now - begin, Self.processorTime() - used)
            }
            let paced = try Pace.divide(database) { try count() }
            #expect(paced.wall > paced.work * 2)
        }
    }

    private final class Log: Sendable {
        let steps = Mutex<[(begin: ContinuousClock.Instant, end: ContinuousClock.Instant)]>([])

        func work() {
            let begin = ContinuousClock.now
            while .now - begin < .milliseconds(1) {}
            steps.withLock { $0.append((begin, .now)) }
        }
    }

    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
