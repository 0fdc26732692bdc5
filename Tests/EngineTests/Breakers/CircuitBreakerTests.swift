import Contract
import Testing

@testable import Engine

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    private static let policy = CircuitBreaker.Policy(threshold: 3, pause: .seconds(4), maximumPause: .seconds(20), rampEnd: 5)
    private static let start = Timestamp("2026-11-22T08:00:00Z")!

    /// A breaker and its time; the random number is always the highest but one.
    private final class Bench {
        var breaker = CircuitBreaker(policy, at: start)
        var now = start

        func admit() -> CircuitBreaker.Ticket? {
            guard case .go(let ticket) = breaker.admit(at: now, fraction: { 0.999 }) else { return nil }
            return ticket
        }

        func waitsUntil() -> Duration? {
            guard case .wait(let moment) = breaker.admit(at: now, fraction: { 0 }) else { return nil }
            return moment - now
        }

        func end(_ ticket: CircuitBreaker.Ticket, _ result: CircuitBreaker.Result) {
            breaker.ended(ticket, result, at: now, fraction: { 1 })
        }

        /// Makes calls one after the other.
        func call(_ results: CircuitBreaker.Result...) throws {
            for result in results { end(try #require(admit()), result) }
        }
    }

    @Test func `consecutive failures open it, and an answer restarts the count`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .works, .fails, .fails, .inconclusive)
        #expect(bench.waitsUntil() == nil)
        try bench.call(.fails)
        #expect(bench.admit() == nil)
        let wait = try #require(bench.waitsUntil())
        #expect(wait >= .seconds(4) && wait < .seconds(5))
    }

    @Test func `after its pause one call may try, and no other at the same time`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .fails)
        bench.now = bench.now + .seconds(8)
        let probe = try #require(bench.admit())
        #expect(bench.admit() == nil)
        bench.end(probe, .works)
        #expect(bench.admit() != nil)
    }

    @Test func `a failed probe keeps it open for twice as long, up to a limit`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .fails)
        var pauses: [Duration] = []
        for _ in 0..<3 {
            bench.now = bench.now + .seconds(20)
            try bench.call(.fails)
            pauses.append(try #require(bench.waitsUntil()) - .milliseconds(1))
        }
        #expect(pauses == [.seconds(8), .seconds(16), .seconds(20)])
    }

    @Test func `an inconclusive probe lets the next one try`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .fails)
        bench.now = bench.now + .seconds(8)
        try bench.call(.inconclusive)
        #expect(bench.admit() != nil)
    }

    @Test func `calls return step by step, until none is held back`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .fails)
        bench.now = bench.now + .seconds(8)
        try bench.call(.works)
        var waves: [Int] = []
        for _ in 0..<3 {
            var tickets: [CircuitBreaker.Ticket] = []
            while tickets.count < 20, let ticket = bench.admit() { tickets.append(ticket) }
            waves.append(tickets.count)
            for ticket in tickets { bench.end(ticket, .works) }
        }
        #expect(waves == [2, 4, 20])
        #expect(bench.breaker.isAtRest)
    }

    @Test func `a failure while calls return opens it again, and earlier calls then change nothing`() throws {
        let bench = Bench()
        try bench.call(.fails, .fails, .fails)
        bench.now = bench.now + .seconds(8)
        try bench.call(.works)
        let first = try #require(bench.admit())
        let second = try #require(bench.admit())
        bench.end(first, .fails)
        bench.end(second, .works)
        #expect(bench.admit() == nil)
    }

    @Test func `a pause that Autotask asks for begins at once, however long it is`() throws {
        let bench = Bench()
        try bench.call(.limits(until: bench.now + .seconds(300)))
        #expect(bench.breaker.isLimiting)
        bench.now = bench.now + .seconds(299)
        #expect(bench.admit() == nil)
        bench.now = bench.now + .seconds(1)
        #expect(bench.admit() != nil)
    }

    @Test func `where many calls wait and none is answered, no other call joins them`() throws {
        let bench = Bench()
        var tickets: [CircuitBreaker.Ticket] = []
        for _ in 0..<16 { tickets.append(try #require(bench.admit())) }
        bench.now = bench.now + .seconds(8)
        tickets.append(try #require(bench.admit()))
        bench.now = bench.now + .milliseconds(1)
        #expect(bench.admit() == nil)
        bench.end(tickets[0], .works)
        #expect(bench.admit() != nil)
    }
}
