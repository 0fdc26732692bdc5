import Testing

@testable import AMQP

struct ConfirmTrackerTests {
    private typealias Tracker = ConfirmTracker<Int>

    private struct Settled: Equatable {
        var token: Int
        var outcome: Tracker.Outcome
    }

    private func label(_ token: Int) -> Tracker.Label { Tracker.Label(exchange: "x", routingKey: "k", messageID: "m\(token)") }

    private func tracker(messages: Int) -> Tracker {
        var tracker = Tracker()
        for token in 1...messages { tracker.published(token, label: label(token)) }
        return tracker
    }

    private func answer(_ tracker: inout Tracker, _ number: UInt64, multiple: Bool = false, isAck: Bool = true) -> [Settled] {
        var settled: [Settled] = []
        tracker.answered(number, multiple: multiple, isAck: isAck) { settled.append(Settled(token: $0, outcome: $1)) }
        return settled
    }

    @Test func `one answer settles one message, in any order`() {
        var tracker = tracker(messages: 3)
        #expect(answer(&tracker, 2) == [Settled(token: 2, outcome: .confirmed)])
        #expect(answer(&tracker, 1, isAck: false) == [Settled(token: 1, outcome: .nacked)])
        #expect(tracker.unsettled == 1)
        #expect(tracker.reset() == [3])
    }

    @Test func `multiple settles all open messages up to its number`() {
        var tracker = tracker(messages: 5)
        _ = answer(&tracker, 2)
        #expect(answer(&tracker, 4, multiple: true).map(\.token) == [1, 3, 4])
        #expect(answer(&tracker, 5, multiple: true).map(\.token) == [5])
        #expect(tracker.unsettled == 0)
    }

    @Test func `multiple with zero settles all`() {
        var tracker = tracker(messages: 3)
        #expect(answer(&tracker, 0, multiple: true).map(\.token) == [1, 2, 3])
        #expect(answer(&tracker, 0, multiple: true) == [])
    }

    @Test func `a returned message is not delivered although it is confirmed`() {
        var tracker = tracker(messages: 3)
        tracker.returned(label(2), replyCode: 312, replyText: "NO_ROUTE")
        #expect(
            answer(&tracker, 3, multiple: true) == [
                Settled(token: 1, outcome: .confirmed), Settled(token: 2, outcome: .returned(replyCode: 312, replyText: "NO_ROUTE")),
                Settled(token: 3, outcome: .confirmed),
            ]
        )
    }

    @Test func `messages with one label are returned in the order in which they were published`() {
        var tracker = Tracker()
        for token in 1...3 { tracker.published(token, label: label(7)) }
        tracker.returned(label(7), replyCode: 312, replyText: "")
        tracker.returned(label(7), replyCode: 313, replyText: "")
        #expect(
            answer(&tracker, 3, multiple: true).map(\.outcome) == [
                .returned(replyCode: 312, replyText: ""), .returned(replyCode: 313, replyText: ""), .confirmed,
            ]
        )
    }

    @Test func `nonsensical answers change nothing`() {
        var tracker = tracker(messages: 2)
        tracker.returned(label(9), replyCode: 312, replyText: "")
        #expect(answer(&tracker, 0) == [])
        #expect(answer(&tracker, 3) == [])
        #expect(answer(&tracker, 3, multiple: true) == [])
        #expect(answer(&tracker, .max, multiple: true) == [])
        #expect(answer(&tracker, 1).count == 1)
        #expect(answer(&tracker, 1) == [])
        #expect(answer(&tracker, 1, multiple: true) == [])
        #expect(tracker.reset() == [2])
    }

    @Test func `after a channel ends, numbers start at one again`() {
        var tracker = tracker(messages: 3)
        _ = answer(&tracker, 1)
        #expect(tracker.reset() == [2, 3])
        tracker.published(4, label: label(4))
        #expect(answer(&tracker, 1).map(\.token) == [4])
    }

    @Test func `numbers stay right over many messages`() {
        var tracker = Tracker()
        var settled: [Int] = []
        for token in 1...10_000 {
            tracker.published(token, label: label(token))
            if token % 7 == 0 { tracker.answered(UInt64(token - 3), multiple: true, isAck: true) { token, _ in settled.append(token) } }
        }
        #expect(settled == Array(1...settled.count))
        #expect(tracker.unsettled == 10_000 - settled.count)
    }
}
