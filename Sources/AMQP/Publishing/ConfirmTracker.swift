import DequeModule

/// Knows which messages of one channel the broker has not yet answered for.
///
/// The broker numbers the messages of a channel from 1 and answers with a number and `multiple`. An unroutable message comes back
/// before it is confirmed (`basic.return` carries no number), and is then not delivered, although the confirmation says yes.
struct ConfirmTracker<Token: Sendable>: Sendable {
    /// What is known of a message when it comes back.
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

    /// How many messages wait for an answer.
    private(set) var unsettled = 0

    /// Notes that a message was written; its number is one higher than that of the message before.
    mutating func published(_ token: Token, label: Label) {
        entries.append(Entry(token: token, label: label))
        unsettled += 1
    }

    /// Notes that a message came back. Messages with the same label come back in the order in which they were published.
    mutating func returned(_ label: Label, replyCode: Int, replyText: String) {
        let index = entries.firstIndex { !$0.isSettled && $0.returned == nil && $0.label == label }
        guard let index else { return }
        entries[index].returned = .returned(replyCode: replyCode, replyText: replyText)
    }

    /// Notes the broker's answer, and says for which messages it is one. Numbers that are unknown or answered already change nothing.
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

    /// Forgets everything, as the end of the channel does, and returns what was never answered, in order.
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
