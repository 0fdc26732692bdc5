import Testing

@testable import AMQP

@Suite("The log of an outage")
struct OutageLogTests {
    private let start = ContinuousClock.now

    @Test func `the first failure is logged, then one line a minute with the number of failures`() {
        var outage = OutageLog()
        #expect(outage.failed("refused", at: start) == 1)
        for second in 1..<60 { #expect(outage.failed("refused", at: start + .seconds(second)) == nil) }
        #expect(outage.failed("refused", at: start + .seconds(60)) == 60)
        #expect(outage.failed("refused", at: start + .seconds(61)) == nil)
    }

    @Test func `another reason is logged at once, and so is the next outage`() {
        var outage = OutageLog()
        _ = outage.failed("refused", at: start)
        #expect(outage.failed("refused", at: start + .seconds(1)) == nil)
        #expect(outage.failed("wrong password", at: start + .seconds(2)) == 2)
        outage.ended()
        #expect(outage.failed("wrong password", at: start + .seconds(3)) == 1)
    }
}
