import Contract
import Store
import Testing

@testable import Engine

@Suite("Retry")
struct RetryPolicyTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!
    private let policy = RetryPolicy(base: .seconds(2), maximumDelay: .seconds(60), maximumAttempts: 8)

    private func delay(after attempt: Int, fraction: Double, earliest: Timestamp? = nil) -> Duration? {
        policy.nextAttempt(after: attempt, acceptedAt: now, earliest: earliest, fraction: fraction, now: now).map { $0 - now }
    }

    @Test func `the delay doubles up to its maximum, with full jitter`() {
        #expect(delay(after: 1, fraction: 0) == .zero)
        #expect(delay(after: 1, fraction: 0.5) == .seconds(1))
        #expect(delay(after: 2, fraction: 0.5) == .seconds(2))
        #expect(delay(after: 4, fraction: 0.5) == .seconds(8))
        #expect(delay(after: 7, fraction: 0.5) == .seconds(30))
    }

    @Test func `a retry never precedes the time in Retry-After, and the jitter comes on top`() {
        #expect(delay(after: 1, fraction: 0, earliest: now + .seconds(40)) == .seconds(40))
        #expect(delay(after: 1, fraction: 0.5, earliest: now + .seconds(40)) == .seconds(41))
        #expect(delay(after: 1, fraction: 0.5, earliest: now - .seconds(40)) == .seconds(1))
    }

    @Test func `a job that Autotask's state holds up ends only because of its age`() {
        func next(age: Duration) -> Timestamp? {
            policy.nextAttempt(after: 8, isHeldUp: true, acceptedAt: now - age, earliest: now + .seconds(60), fraction: 0, now: now)
        }
        #expect(next(age: .seconds(86_339)) == now + .seconds(60))
        #expect(next(age: .seconds(86_340)) == nil)
    }

    @Test func `attempts are bounded`() {
        #expect(delay(after: 7, fraction: 0) != nil)
        #expect(delay(after: 8, fraction: 0) == nil)
    }

    @Test func `a further deferral is reported when its reason changes, or its delay has grown tenfold`() {
        func deferral(_ code: ErrorCode, _ delay: Duration) -> PublishedDeferral { PublishedDeferral(code: code, delay: delay) }
        let first = deferral(.internal, .seconds(2))
        #expect(first.isNews(after: nil))
        #expect(!deferral(.internal, .seconds(2)).isNews(after: first))
        #expect(!deferral(.internal, .milliseconds(19_999)).isNews(after: first))
        #expect(deferral(.internal, .seconds(20)).isNews(after: first))
        #expect(deferral(.rateLimited, .seconds(1)).isNews(after: first))
        // A random number may make the first delay nearly zero.
        let none = deferral(.internal, .milliseconds(1))
        #expect(!deferral(.internal, .seconds(9)).isNews(after: none) && deferral(.internal, .seconds(10)).isNews(after: none))
    }
}
