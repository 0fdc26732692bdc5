import DequeModule

/// Tracks the messages of one channel that the broker has not confirmed yet.
///
/// The broker numbers the messages of a channel from 1, and answers with a number and `multiple`. It returns an unroutable message before
/// it confirms it (`basic.return` has no number). Despite the confirmation, such a message was not delivered.
struct ConfirmTracker<Token: Sendable>: Sendable {
    /// The parts of a message by which a returned one is recognized.
    struct Label: Equatable, Sendable {
        var exchange: String
        var routingKey: String
        var messageID: String?
    }

    enum Outcome: Equatable, Sendable {
        case confirmed
        case nacked
        case returned(replyCode: Int, replyText: String)
    }

    private struct Entry {
        var token: Token
        var label: Label
        var returned: Outcome?
        var isSettled = false
    }

    /// The number of the first entry, the oldest that is not settled.
    private var first: UInt64 = 1
    private var entries: Deque<Entry> = []

    /// The number of messages that wait for an answer.
    private(set) var unsettled = 0

    /// Records that a message was written. Its number is that of the previous message plus one.
    mutating func published(_ token: Token, label: Label) {
        entries.append(Entry(token: token, label: label))
        unsettled += 1
    }

    /// Records that a message was returned. Messages with the same label are returned in the order in which they were published.
    mutating func returned(_ label: Label, replyCode: Int, replyText: String) {
        let index = entries.firstIndex { !$0.isSettled && $0.returned == nil && $0.label == label }
        guard let index else { return }
        entries[index].returned = .returned(replyCode: replyCode, replyText: replyText)
    }

    /// Records the broker's answer, and calls `settle` for each message that it answers. Unknown or already answered numbers change
    /// nothing.
    mutating func answered(_ number: UInt64, multiple: Bool, isAck: Bool, settle: (Token, Outcome) -> Void) {
        guard number >= first || (multiple && number == 0) else { return }
        let waiting = UInt64(entries.count)
        // `multiple` with the number 0 means all.
        let offset = number == 0 ? waiting : number - first + 1
        guard offset <= waiting, offset > 0 else { return }
        let last = Int(offset) - 1
        for index in (multiple ? 0 : last)...last where !entries[index].isSettled {
            entries[index].isSettled = true
            unsettled -= 1
            settle(entries[index].token, isAck ? entries[index].returned ?? .confirmed : .nacked)
        }
        dropSettled()
    }

    /// Forgets everything at the end of the channel, and returns the unanswered messages in order.
    mutating func reset() -> [Token] {
        defer { self = ConfirmTracker() }
        return entries.filter { !$0.isSettled }.map(\.token)
    }

    private mutating func dropSettled() {
        while entries.first?.isSettled == true {
            entries.removeFirst()
            first += 1
        }
    }
}
