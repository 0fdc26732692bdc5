import Contract
import Store
import Testing

/// What an attempt counts for, and what is kept of it.
struct AttemptTests {
    private static let now = Timestamp("2026-11-22T08:00:00Z")!
    private static let until = now + .seconds(10)
    private static let error = JobError(.timeout, "It took too long.", field: "data.planId")
    private static let bare = JobError(.timeout)

    private static func attempt(_ ending: Attempt.Ending) -> Attempt {
        let call = CallRecord(at: now, method: "GET", host: "host", path: "Version", answer: .status(200), duration: .zero)
        return Attempt(began: now, ended: now + .seconds(1), ending, calls: [call], apiCalls: 1, read: ["services": 4], wrote: true)
    }

    /// Every way in which an attempt ends.
    struct Case: Sendable, CustomTestStringConvertible {
        let ending: Attempt.Ending
        /// As the store has it.
        let kept: Attempt.Ending
        var code: ErrorCode?
        /// What a job has that had begun three attempts, and waited for no time.
        var job = (attempts: 3, interruptions: 0, heldUp: 0)
        var notBefore: Timestamp?
        var endsJob = false
        var hasOutline = false
        let word: String

        var testDescription: String { "\(ending)" }
    }

    private static let cases = [
        Case(ending: .finished(nil), kept: .finished(nil), endsJob: true, word: "sync.failed"),
        Case(ending: .finished(error), kept: .finished(bare), code: .timeout, endsJob: true, word: "sync.failed"),
        Case(
            ending: .givenUp(GivenUp(.attemptsSpent, error)),
            kept: .givenUp(GivenUp(.attemptsSpent, bare)),
            code: .timeout,
            endsJob: true,
            word: "sync.failed"
        ),
        Case(
            ending: .deferred(until: until, because: error),
            kept: .deferred(until: until, because: bare),
            code: .timeout,
            notBefore: until,
            hasOutline: true,
            word: "job.deferred"
        ),
        Case(
            ending: .deferred(until: until, because: error, counts: false),
            kept: .deferred(until: until, because: bare, counts: false),
            code: .timeout,
            job: (2, 0, 1),
            notBefore: until,
            word: "job.deferred"
        ),
        Case(ending: .postponed, kept: .postponed, job: (2, 0, 0), word: "postponed"),
        Case(
            ending: .interrupted(WorkerID("worker-1")),
            kept: .interrupted(WorkerID("worker-1")),
            job: (2, 1, 0),
            hasOutline: true,
            word: "interrupted"
        ),
    ]

    @Test("A failed attempt counts; one that was held up, put back or interrupted is taken back", arguments: cases)
    func counting(_ end: Case) {
        let attempt = Self.attempt(end.ending)
        var job = QueuedJob(order: 1, id: JobID("a")!, kind: .sync, acceptedAt: Self.now, attempts: 3, apiCalls: 2)
        job.apply(attempt)
        #expect((job.attempts, job.interruptions, job.heldUp) == end.job)
        #expect(job.notBefore == end.notBefore && job.apiCalls == 3)
        #expect(attempt.endsJob == end.endsJob && attempt.failure?.code == end.code)
        let givenUp: GivenUp? = if case .givenUp(let reason) = end.ending { reason } else { nil }
        #expect(attempt.givenUp == givenUp)
    }

    @Test("A job that is put back keeps the time for which it waited")
    func postponed() {
        var job = QueuedJob(order: 1, id: JobID("a")!, kind: .sync, acceptedAt: Self.now, notBefore: Self.until, attempts: 1)
        job.apply(Self.attempt(.postponed))
        #expect(job.notBefore == Self.until)
    }

    @Test("A job's row keeps the code of a failure, and an outline has neither beginning nor calls", arguments: cases)
    func keeping(_ end: Case) {
        let attempt = Self.attempt(end.ending)
        var kept = attempt
        kept.ending = end.kept
        kept.read = nil
        #expect(attempt.kept == kept && kept.isShown)
        var outline = kept
        outline.began = nil
        outline.calls = []
        #expect(attempt.outline == (end.hasOutline ? outline : nil))
        let isInterrupted = end.ending == .interrupted(WorkerID("worker-1"))
        #expect(outline.isShown == isInterrupted)
    }

    @Test("The word for an attempt's end is the type of the event that answers the job", arguments: cases)
    func words(_ end: Case) {
        func event(_ type: EventType) -> Event {
            let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
            return Event(id: "e", type: type, lane: lane, jobID: JobID("a"), time: Self.now, traceparent: nil, data: [:])
        }
        let events = end.endsJob ? [event(.connectionLost), event(.syncFailed)] : []
        let completion = Completion(Self.attempt(end.ending), events: events)
        #expect(completion.word == end.word)
        #expect(completion.kept == completion.attempt.outline && completion.deferral == nil)
        let check = Completion(Self.attempt(end.ending), events: [], keepsHistory: true)
        #expect(check.word == (end.endsJob ? "checked" : end.word))
        #expect(check.kept == check.attempt.kept)
        let announced = Completion(Self.attempt(end.ending), events: [event(.jobDeferred)])
        let deferral = end.notBefore.map { _ in PublishedDeferral(code: .timeout, delay: .seconds(9)) }
        #expect(announced.deferral == deferral)
    }
}
