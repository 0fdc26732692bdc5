import Contract
import Store
import Testing

@testable import Engine

@Suite("A wish to try again")
struct RetryWishTests {
    private static let now = Timestamp("2026-11-22T08:00:00Z")!
    private let now = Self.now
    private let policy = RetryPolicy(base: .seconds(10), maximumDelay: .seconds(60), maximumAttempts: 3, maximumAge: .seconds(1000))
    private let passing = JobError(.timeout)
    private let lasting = JobError(.autotaskUnavailable, isRetryable: false)

    /// Jobs of every kind, those of portals and scheduled ones.
    private static let jobs: [QueuedJob] = JobKind.allCases.map { job($0) } + JobKind.scheduled.map { job($0, isScheduled: true) }

    private static func job(_ kind: JobKind, isScheduled: Bool = false) -> QueuedJob {
        QueuedJob(
            order: 1,
            id: JobID("a")!,
            kind: kind,
            acceptedAt: now,
            attempts: 1,
            deadline: kind.isInteractive && !isScheduled ? now + .seconds(30) : nil,
            isScheduled: isScheduled
        )
    }

    /// With chance at one half: the first delay is 5 s, and doubles.
    private func ending(
        _ job: QueuedJob,
        _ error: JobError? = nil,
        earliest: Timestamp? = nil,
        isHeldUp: Bool = false,
        isCutShort: Bool = false,
        after elapsed: Duration = .zero
    ) -> Attempt.Ending {
        RetryWish(error: error ?? passing, earliest: earliest, isHeldUp: isHeldUp, isCutShort: isCutShort)
            .ending(of: job, before: job.deadline, under: policy, fraction: 0.5, at: now + elapsed)
    }

    @Test("What was cut short is put back, whatever it is", arguments: jobs)
    func cutShort(_ job: QueuedJob) {
        var job = job
        job.attempts = 3
        #expect(ending(job, isCutShort: true) == .postponed)
        #expect(ending(job, lasting, isHeldUp: true, isCutShort: true, after: .seconds(2000)) == .postponed)
    }

    @Test("A job of a portal is deferred, and a scheduled check ends", arguments: jobs)
    func deferred(_ job: QueuedJob) {
        let due = now + .seconds(5)
        #expect(ending(job) == (job.isScheduled ? .finished(passing) : .deferred(until: due, because: passing)))
        let late = now + .seconds(13)
        #expect(
            ending(job, earliest: now + .seconds(8)) == (job.isScheduled ? .finished(passing) : .deferred(until: late, because: passing))
        )
    }

    @Test("A job that is held up is deferred without counting, also after its last attempt", arguments: jobs)
    func heldUp(_ job: QueuedJob) {
        var job = job
        job.attempts = 3
        let due = now + .seconds(20)
        #expect(
            ending(job, isHeldUp: true) == (job.isScheduled ? .finished(passing) : .deferred(until: due, because: passing, counts: false))
        )
        job.attempts = 1
        job.heldUp = 1
        let soon = now + .seconds(10)
        #expect(
            ending(job, isHeldUp: true) == (job.isScheduled ? .finished(passing) : .deferred(until: soon, because: passing, counts: false))
        )
    }

    @Test("A job is given up after its last attempt, and one that is held up when its time is over", arguments: jobs)
    func spent(_ job: QueuedJob) {
        func givenUp(_ reason: GivenUp.Reason) -> Attempt.Ending {
            job.isScheduled ? .finished(passing) : .givenUp(GivenUp(reason, passing))
        }
        var last = job
        last.attempts = 3
        #expect(ending(last) == givenUp(.attemptsSpent))
        #expect(ending(job, after: .seconds(999)) == givenUp(.timeSpent))
        #expect(ending(last, isHeldUp: true, after: .seconds(999)) == givenUp(.timeSpent))
    }

    @Test("A job for which a person waits ends where it would be late or needs a person", arguments: jobs)
    func personWaits(_ job: QueuedJob) {
        let isWaitedFor = job.deadline != nil
        let late = now + .seconds(30)
        for isHeldUp in [false, true] {
            let lateEnd = ending(job, earliest: now + .seconds(25), isHeldUp: isHeldUp)
            let lastingEnd = ending(job, lasting, isHeldUp: isHeldUp)
            if isWaitedFor || job.isScheduled {
                #expect(lateEnd == .finished(passing) && lastingEnd == .finished(lasting))
            } else {
                #expect(lateEnd == .deferred(until: late, because: passing, counts: !isHeldUp))
                #expect(lastingEnd == .deferred(until: now + .seconds(5), because: lasting, counts: !isHeldUp))
            }
        }
    }
}
