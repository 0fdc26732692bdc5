import Contract
import Store
import Testing

@testable import SQLiteStore

/// Attempts as the text of a job's row.
struct AttemptTextTests {
    private static let error = JobError(.rateLimited, "Wait.", hint: "Wait longer.")
    private static let endings: [Attempt.Ending] = [
        .finished(nil), .finished(error), .givenUp(GivenUp(.timeSpent, error)), .deferred(until: .start + .seconds(9)),
        .deferred(until: .start + .seconds(9), because: error), .deferred(until: .start, because: error, counts: false), .postponed,
        .interrupted(.two),
    ]

    private func attempt(_ ending: Attempt.Ending) -> Attempt {
        let calls = [CallRecord.Answer.status(429), .none("timedOut")].map {
            CallRecord(
                at: .start + .milliseconds(34),
                method: "POST",
                host: "host",
                path: "Services/query",
                answer: $0,
                duration: .milliseconds(5)
            )
        }
        return Attempt(began: .start, ended: .start + .seconds(1), ending, calls: calls, apiCalls: 2, read: ["services": 1], wrote: true)
    }

    @Test("A text gives back what is kept of an attempt", arguments: endings)
    func roundTrip(_ ending: Attempt.Ending) throws {
        let attempt = attempt(ending)
        #expect(try Attempt.all(in: attempt.text) == [attempt.kept])
        let outlines = [attempt.outline].compactMap(\.self)
        #expect(try Attempt.all(in: outlines.map(\.text).joined()) == outlines)
    }

    @Test("Texts are put one behind the other")
    func several() throws {
        let attempts = Self.endings.map(attempt)
        #expect(try Attempt.all(in: attempts.map(\.text).joined()) == attempts.map(\.kept))
        #expect(try Attempt.all(in: "").isEmpty)
    }

    @Test("A text that this program does not write is refused", arguments: ["{,", "7,", "{},", #"{"end":1,"calls":[[1]]},"#])
    func unreadable(_ text: String) {
        let error = #expect(throws: StoreError.self) { try Attempt.all(in: text) }
        #expect(error?.code == .corrupt)
    }
}
