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
        /// The channel cancels its consumer of one message at a time and then consumes many. It acknowledges the message once the cancel is
        /// confirmed: until then the broker hands over no other.
        case widening(deadline: Instant)
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
        /// Cancel the consumer of one message at a time.
        case cancel
    }

    private(set) var phase: Phase
    private(set) var generation: UInt64 = 0
    /// Whether the broker hands over one message at a time.
    private(set) var takesOne = false
    /// A message that is not redelivered, and that is not acknowledged yet.
    private var fresh: UInt64?
    /// Whether one was acknowledged.
    private var isReadyForMany = false
    var tracker = AcknowledgementTracker()

    private let settleTime: Duration
    private let replyTimeout: Duration
    private let beginsWithOne: Bool
    private var backoff: Backoff

    init(now: Instant, settleTime: Duration, replyTimeout: Duration, beginsWithOne: Bool = false, backoff: Backoff = Backoff()) {
        self.beginsWithOne = beginsWithOne
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
        case .closed, .opening, .widening, .closing: false
        }
    }

    /// Whether the broker keeps what it delivered and that is not acknowledged for this channel.
    var holdsDeliveries: Bool {
        switch phase {
        case .opening, .consuming, .widening, .settling: true
        case .closed, .closing: false
        }
    }

    /// Whether the next turn cancels the consumer: until then its message is not acknowledged.
    var isAboutToWiden: Bool { phase == .consuming && takesOne && isReadyForMany }

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
            takesOne = beginsWithOne
            fresh = nil
            isReadyForMany = false
            return .open
        case .opening where !wanted, .consuming where !wanted, .widening where !wanted:
            suspend(now: now)
            return nil
        case .consuming where takesOne && isReadyForMany:
            phase = .widening(deadline: now + replyTimeout)
            return .cancel
        case .settling(let until) where now >= until:
            return close(now: now, retryAt: now)
        case .opening(let deadline) where now >= deadline, .widening(let deadline) where now >= deadline,
            .closing(let deadline, _) where now >= deadline:
            return .giveUp
        default:
            return nil
        }
    }

    /// When ``turn(now:wanted:nextGeneration:)`` has to be asked again, if nothing else happens.
    func deadline(wanted: Bool) -> Instant? {
        switch phase {
        case .closed(let retryAt): wanted ? retryAt : nil
        case .opening(let deadline), .widening(let deadline), .closing(let deadline, _): deadline
        case .settling(let until): until
        case .consuming: nil
        }
    }

    /// Closes the channel, however soon it is wanted again: what is not acknowledged goes back to its queue.
    mutating func suspend(now: Instant) {
        switch phase {
        case .opening, .consuming, .widening: phase = .settling(until: now + settleTime)
        case .closed, .settling, .closing: break
        }
    }

    /// A message was delivered.
    ///
    /// - Returns: whether it is taken. Many at a time that begin with a redelivered one go back: then one at a time is due.
    mutating func takes(_ number: UInt64, isRedelivered: Bool, now: Instant) -> Bool {
        guard beginsWithOne else { return true }
        if isRedelivered, !takesOne {
            suspend(now: now)
            return false
        }
        if takesOne, !isRedelivered { fresh = number }
        return true
    }

    /// The worker has taken a message in.
    mutating func finish(_ number: UInt64) {
        tracker.finish(number)
        if number == fresh { isReadyForMany = true }
    }

    /// The consumer of one message at a time is gone.
    ///
    /// - Returns: whether to acknowledge what it had, and to consume many at a time on the same channel.
    mutating func consumerIsCancelled(now: Instant) -> Bool {
        guard case .widening = phase else { return false }
        phase = .opening(deadline: now + replyTimeout)
        takesOne = false
        return true
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
        case .opening, .consuming, .widening:
            tracker.delivered(number)
            return true
        case .settling, .closing, .closed:
            return false
        }
    }

    /// The broker ended the consumer, because its queue is gone. A channel without a consumer is of no use.
    mutating func consumerCancelled(now: Instant) -> Action? {
        switch phase {
        case .opening, .consuming, .widening, .settling: close(now: now, retryAt: now + backoff.next())
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
