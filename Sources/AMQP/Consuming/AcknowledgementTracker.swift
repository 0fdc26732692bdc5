/// Knows which deliveries of one channel are finished, and says what to tell the broker: as few acknowledgements as possible.
///
/// A channel's deliveries are numbered from 1. Those that are finished without a gap are acknowledged together (`multiple`); those beyond a gap
/// singly. `multiple` on a number that was already acknowledged would close the channel (406), so that its number is always one that
/// was not.
struct AcknowledgementTracker: Sendable {
    struct Acknowledgement: Equatable, Sendable {
        var number: UInt64
        var isMultiple: Bool
    }

    private enum Status {
        case delivered
        case finished
        case acknowledged
    }

    /// The number of the first element of `statuses`; all before it are acknowledged.
    private var first: UInt64 = 1
    private var statuses: [Status] = []
    /// Finished numbers since the last flush, lowest and highest; there is nothing to do when empty.
    private var hasNews = false

    /// How many deliveries the broker still waits for.
    private(set) var unacknowledged = 0

    mutating func delivered(_ number: UInt64) {
        assert(number == first + UInt64(statuses.count), "the broker numbers deliveries of a channel without gaps")
        statuses.append(.delivered)
        unacknowledged += 1
    }

    /// Marks a delivery as finished. Repeated or unknown numbers change nothing.
    mutating func finish(_ number: UInt64) {
        guard number >= first, number < first + UInt64(statuses.count) else { return }
        let index = Int(number - first)
        guard statuses[index] == .delivered else { return }
        statuses[index] = .finished
        hasNews = true
    }

    /// What to send for everything finished since the last call.
    mutating func flush() -> [Acknowledgement] {
        guard hasNews else { return [] }
        hasNews = false
        var acknowledgements: [Acknowledgement] = []

        let prefix = statuses.firstIndex(of: .delivered) ?? statuses.count
        if let last = statuses[..<prefix].lastIndex(of: .finished) {
            let finished = statuses[...last].count { $0 == .finished }
            acknowledgements.append(Acknowledgement(number: first + UInt64(last), isMultiple: finished > 1))
            unacknowledged -= finished
        }
        for index in statuses[prefix...].indices where statuses[index] == .finished {
            acknowledgements.append(Acknowledgement(number: first + UInt64(index), isMultiple: false))
            statuses[index] = .acknowledged
            unacknowledged -= 1
        }
        statuses.removeFirst(prefix)
        first += UInt64(prefix)
        return acknowledgements
    }
}
