import Testing

@testable import AMQP

struct AcknowledgementTrackerTests {
    private func tracker(deliveries: ClosedRange<UInt64>) -> AcknowledgementTracker {
        var tracker = AcknowledgementTracker()
        for number in deliveries { tracker.delivered(number) }
        return tracker
    }

    @Test func `a finished prefix is one acknowledgement`() {
        var tracker = tracker(deliveries: 1...5)
        for number: UInt64 in [2, 1, 3] { tracker.finish(number) }
        #expect(tracker.flush() == [.init(number: 3, isMultiple: true)])
        #expect(tracker.unacknowledged == 2)
        #expect(tracker.flush() == [])
    }

    @Test func `deliveries beyond a gap are acknowledged one by one`() {
        var tracker = tracker(deliveries: 1...5)
        for number: UInt64 in [1, 3, 5] { tracker.finish(number) }
        #expect(
            tracker.flush() == [
                .init(number: 1, isMultiple: false), .init(number: 3, isMultiple: false), .init(number: 5, isMultiple: false),
            ]
        )
    }

    @Test func `a number that was acknowledged alone is never acknowledged with others`() {
        var tracker = tracker(deliveries: 1...5)
        tracker.finish(3)
        #expect(tracker.flush() == [.init(number: 3, isMultiple: false)])
        tracker.finish(1)
        tracker.finish(2)
        #expect(tracker.flush() == [.init(number: 2, isMultiple: true)])
        tracker.finish(4)
        #expect(tracker.flush() == [.init(number: 4, isMultiple: false)])
        tracker.finish(5)
        #expect(tracker.flush() == [.init(number: 5, isMultiple: false)])
        #expect(tracker.unacknowledged == 0)
    }

    @Test func `a delivery that finished twice or never arrived is not acknowledged again`() {
        var tracker = tracker(deliveries: 1...2)
        tracker.finish(1)
        tracker.finish(1)
        tracker.finish(9)
        tracker.finish(0)
        #expect(tracker.flush() == [.init(number: 1, isMultiple: false)])
        tracker.finish(1)
        #expect(tracker.flush() == [])
        #expect(tracker.unacknowledged == 1)
    }

    @Test func `in any order, every delivery is acknowledged exactly once and multiple never names an acknowledged one`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var tracker = tracker(deliveries: 1...50)
            var acknowledged: Set<UInt64> = []
            for number in (1...50 as ClosedRange<UInt64>).shuffled(using: &random) {
                tracker.finish(number)
                guard Bool.random(using: &random) || number == 50 else { continue }
                for acknowledgement in tracker.flush() {
                    #expect(!acknowledged.contains(acknowledgement.number))
                    acknowledged.insert(acknowledgement.number)
                    if acknowledgement.isMultiple { acknowledged.formUnion(1...acknowledgement.number) }
                }
            }
            for acknowledgement in tracker.flush() {
                #expect(!acknowledged.contains(acknowledgement.number))
                acknowledged.insert(acknowledgement.number)
                if acknowledgement.isMultiple { acknowledged.formUnion(1...acknowledgement.number) }
            }
            #expect(acknowledged == Set(1...50))
        }
    }
}
