/// Tracks which deliveries of one channel are finished, and computes the fewest acknowledgements for them.
///
/// A channel's deliveries are numbered from 1. Finished deliveries before the first gap are acknowledged together (`multiple`), and those
/// after it singly. `multiple` with an acknowledged number would close the channel (406), so its number is always an unacknowledged one.
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
    /// Whether deliveries were finished since the last flush.
    private var hasNews = false

    /// The number of deliveries that the broker still expects to be acknowledged.
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

    /// The acknowledgements to send for deliveries finished since the last call.
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
