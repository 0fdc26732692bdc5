import Testing

@testable import AMQP

struct ConsumingChannelTests {
    private let start = ContinuousClock.now

    private func channel() -> ConsumingChannel {
        ConsumingChannel(now: start, settleTime: .milliseconds(100), replyTimeout: .seconds(5))
    }

    private func consuming() -> ConsumingChannel {
        var channel = channel()
        _ = channel.turn(now: start, wanted: true, nextGeneration: 1)
        channel.consumerStarted()
        return channel
    }

    @Test func `it opens on request, and consumes once the broker confirms`() {
        var channel = channel()
        #expect(channel.turn(now: start, wanted: false, nextGeneration: 1) == nil)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 1) == .open)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == nil)
        #expect(!channel.isConsuming)
        channel.consumerStarted()
        #expect(channel.isConsuming)
        #expect(channel.generation == 1)
        #expect(channel.deadline(wanted: true) == nil)
    }

    /// A channel that takes one message at a time at first.
    private func cautious() -> ConsumingChannel {
        var channel = ConsumingChannel(now: start, settleTime: .milliseconds(100), replyTimeout: .seconds(5), beginsWithOne: true)
        _ = channel.turn(now: start, wanted: true, nextGeneration: 1)
        channel.consumerStarted()
        return channel
    }

    private func take(_ number: UInt64, isRedelivered: Bool, from channel: inout ConsumingChannel) -> Bool {
        channel.delivered(number) && channel.takes(number, isRedelivered: isRedelivered, now: start)
    }

    @Test func `many messages at a time follow the first acknowledged new one, and redelivered ones come one by one`() {
        var channel = cautious()
        for number in UInt64(1)...3 {
            do {
                let taken = take(number, isRedelivered: true, from: &channel)
                #expect(taken)
            }
            channel.finish(number)
            #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == nil)
        }
        do {
            let taken = take(4, isRedelivered: false, from: &channel)
            #expect(taken)
        }
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == nil)
        channel.finish(4)
        #expect(channel.isAboutToWiden)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == .cancel)
        #expect(!channel.canAcknowledge && channel.takesOne)
        let isCancelled = channel.consumerIsCancelled(now: start)
        #expect(isCancelled)
        #expect(!channel.takesOne)
        channel.consumerStarted()
        #expect(channel.isConsuming && channel.canAcknowledge)
        // Messages that another worker had received go back.
        do {
            let taken = take(5, isRedelivered: true, from: &channel)
            #expect(!taken)
        }
        #expect(channel.turn(now: start + .seconds(1), wanted: true, nextGeneration: 2) == .close)
        channel.closeConfirmed()
        #expect(channel.turn(now: start + .seconds(1), wanted: true, nextGeneration: 2) == .open)
        #expect(channel.takesOne)
    }

    @Test func `a suspension during a switch of consumers lasts`() {
        var channel = cautious()
        do {
            let taken = take(1, isRedelivered: false, from: &channel)
            #expect(taken)
        }
        channel.finish(1)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == .cancel)
        #expect(channel.deadline(wanted: true) == start + .seconds(5))
        channel.suspend(now: start)
        #expect(channel.canAcknowledge)
        let isCancelled = channel.consumerIsCancelled(now: start)
        #expect(!isCancelled)
        #expect(channel.turn(now: start + .seconds(1), wanted: false, nextGeneration: 2) == .close)
    }

    @Test func `a broker that does not cancel in time is given up`() {
        var channel = cautious()
        do {
            let taken = take(1, isRedelivered: false, from: &channel)
            #expect(taken)
        }
        channel.finish(1)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == .cancel)
        #expect(channel.turn(now: start + .seconds(5), wanted: true, nextGeneration: 2) == .giveUp)
    }

    @Test func `a broker that does not answer in time is given up`() {
        var channel = channel()
        _ = channel.turn(now: start, wanted: true, nextGeneration: 1)
        #expect(channel.deadline(wanted: true) == start + .seconds(5))
        #expect(channel.turn(now: start + .seconds(4), wanted: true, nextGeneration: 2) == nil)
        #expect(channel.turn(now: start + .seconds(5), wanted: true, nextGeneration: 2) == .giveUp)
    }

    @Test func `a suspended channel takes nothing more, settles, and then closes`() {
        var channel = consuming()
        #expect(channel.delivered(1) == true)
        #expect(channel.turn(now: start, wanted: false, nextGeneration: 2) == nil)
        #expect(channel.delivered(2) == false)
        #expect(channel.canAcknowledge)
        #expect(channel.deadline(wanted: false) == start + .milliseconds(100))
        #expect(channel.turn(now: start + .milliseconds(100), wanted: false, nextGeneration: 2) == .close)
        #expect(!channel.canAcknowledge)
        channel.closeConfirmed()
        #expect(channel.isClosed)
        #expect(channel.turn(now: start + .milliseconds(101), wanted: false, nextGeneration: 2) == nil)
    }

    @Test func `a suspension closes the channel even if it is resumed immediately`() {
        var channel = consuming()
        channel.suspend(now: start)
        #expect(channel.delivered(1) == false)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == nil)
        #expect(channel.turn(now: start + .seconds(1), wanted: true, nextGeneration: 2) == .close)
        #expect(channel.turn(now: start + .seconds(1), wanted: true, nextGeneration: 2) == nil)
        channel.closeConfirmed()
        #expect(channel.turn(now: start + .seconds(1), wanted: true, nextGeneration: 2) == .open)
        #expect(channel.generation == 2)
    }

    @Test func `numbers start again with each opening`() {
        var channel = consuming()
        #expect(channel.delivered(1) == true)
        channel.closedByBroker(now: start)
        _ = channel.turn(now: start + .seconds(60), wanted: true, nextGeneration: 2)
        #expect(channel.delivered(1) == true)
        channel.tracker.finish(1)
        #expect(channel.tracker.flush() == [.init(number: 1, isMultiple: false)])
    }

    @Test func `a cancelled consumer closes its channel, and is tried again later`() throws {
        var channel = consuming()
        #expect(channel.consumerCancelled(now: start) == .close)
        #expect(channel.consumerCancelled(now: start) == nil)
        channel.closeConfirmed()
        let retryAt = try #require(channel.deadline(wanted: true))
        #expect(channel.turn(now: retryAt, wanted: true, nextGeneration: 2) == .open)
    }

    @Test func `a lost connection closes it at once`() {
        var channel = consuming()
        channel.connectionLost(now: start)
        #expect(channel.isClosed)
        #expect(channel.turn(now: start, wanted: true, nextGeneration: 2) == .open)
    }
}
