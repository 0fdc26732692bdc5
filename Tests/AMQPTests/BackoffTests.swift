import Testing

@testable import AMQP

struct BackoffTests {
    @Test func `the bound doubles up to the ceiling`() {
        var backoff = Backoff(base: .seconds(1), ceiling: .seconds(5))
        let bounds = (0..<5).map { _ in backoff.next(random: 1) }
        #expect(bounds == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)])
    }

    @Test func `a repaired broker is noticed within five seconds, however long it was broken`() {
        var backoff = Backoff()
        for _ in 0..<1000 { #expect(backoff.next(random: 1) <= .seconds(5)) }
    }

    @Test func `the whole wait is jitter`() {
        var backoff = Backoff(base: .seconds(1), ceiling: .seconds(5))
        #expect(backoff.next(random: 0) == .zero)
        #expect(backoff.next(random: 0.5) == .seconds(1))
    }

    @Test func `it never overflows, and success resets it`() {
        var backoff = Backoff(base: .milliseconds(100), ceiling: .seconds(15))
        for _ in 0..<1000 { #expect(backoff.next(random: 1) <= .seconds(15)) }
        backoff.reset()
        #expect(backoff.next(random: 1) == .milliseconds(100))
    }
}
