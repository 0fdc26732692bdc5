/// The life of one channel that consumes from one queue: opened, consuming, closed, opened again after a while.
///
/// It decides, and says what to do; whoever owns the connection does it.
struct ConsumingChannel: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Equatable, Sendable {
        case closed(retryAt: Instant)
        /// Everything is sent that leads to a consumer; the broker has not yet answered.
        case opening(deadline: Instant)
        case consuming
        /// Deliveries are not taken any more; the last acknowledgements travel.
        case settling(until: Instant)
        /// Our `channel.close` is sent, and not yet answered.
        case closing(deadline: Instant, retryAt: Instant)
    }

    enum Action: Equatable, Sendable {
        case open
        case close
        /// The broker did not answer in time: the connection is of no use.
        case giveUp
    }

    private(set) var phase: Phase
    private(set) var generation: UInt64 = 0
    var tracker = AcknowledgementTracker()

    private let settleTime: Duration
    private let replyTimeout: Duration
    private var backoff: Backoff

    init(now: Instant, settleTime: Duration, replyTimeout: Duration, backoff: Backoff = Backoff()) {
        phase = .closed(retryAt: now)
        self.settleTime = settleTime
        self.replyTimeout = replyTimeout
        self.backoff = backoff
    }

    var isConsuming: Bool { phase == .consuming }

    var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    /// Whether acknowledgements can still be sent.
    var canAcknowledge: Bool {
        switch phase {
        case .consuming, .settling: true
        case .closed, .opening, .closing: false
        }
    }

    /// What is due now.
    ///
    /// - Parameters:
    ///   - wanted: whether the door is meant to be open.
    ///   - nextGeneration: names the channel if it is opened now.
    mutating func turn(now: Instant, wanted: Bool, nextGeneration: UInt64) -> Action? {
        switch phase {
        case .closed(let retryAt) where wanted && now >= retryAt:
            phase = .opening(deadline: now + replyTimeout)
            generation = nextGeneration
            tracker = AcknowledgementTracker()
            return .open
        case .opening where !wanted, .consuming where !wanted:
            suspend(now: now)
            return nil
        case .settling(let until) where now >= until:
            return close(now: now, retryAt: now)
        case .opening(let deadline) where now >= deadline, .closing(let deadline, _) where now >= deadline:
            return .giveUp
        default:
            return nil
        }
    }

    /// When ``turn(now:wanted:nextGeneration:)`` has to be asked again, if nothing else happens.
    func deadline(wanted: Bool) -> Instant? {
        switch phase {
        case .closed(let retryAt): wanted ? retryAt : nil
        case .opening(let deadline), .closing(let deadline, _): deadline
        case .settling(let until): until
        case .consuming: nil
        }
    }

    /// Closes the channel, however soon it is wanted again: what is not acknowledged goes back to its queue.
    mutating func suspend(now: Instant) {
        switch phase {
        case .opening, .consuming: phase = .settling(until: now + settleTime)
        case .closed, .settling, .closing: break
        }
    }

    mutating func consumerStarted() {
        guard case .opening = phase else { return }
        phase = .consuming
        backoff.reset()
    }

    /// Notes a delivery, and says whether it is to be taken. One that is not goes back to its queue with the channel.
    mutating func delivered(_ number: UInt64) -> Bool {
        switch phase {
        // A quorum queue may deliver before its consumer is confirmed.
        case .opening, .consuming:
            tracker.delivered(number)
            return true
        case .settling, .closing, .closed:
            return false
        }
    }

    /// The broker ended the consumer, because its queue is gone. A channel without a consumer is of no use.
    mutating func consumerCancelled(now: Instant) -> Action? {
        switch phase {
        case .opening, .consuming, .settling: close(now: now, retryAt: now + backoff.next())
        case .closing, .closed: nil
        }
    }

    /// The broker closed the channel.
    mutating func closedByBroker(now: Instant) {
        phase = .closed(retryAt: now + backoff.next())
    }

    mutating func closeConfirmed() {
        guard case .closing(_, let retryAt) = phase else { return }
        phase = .closed(retryAt: retryAt)
    }

    /// The connection is gone, and the channel with it.
    mutating func connectionLost(now: Instant) {
        phase = .closed(retryAt: now)
    }

    private mutating func close(now: Instant, retryAt: Instant) -> Action {
        phase = .closing(deadline: now + replyTimeout, retryAt: retryAt)
        return .close
    }
}
