/// The state machine of one channel that consumes from one queue: opening, consuming, closed, and opening again after a while.
///
/// It decides what to do; the owner of the connection does it.
struct ConsumingChannel: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Equatable, Sendable {
        case closed(retryAt: Instant)
        /// Everything that starts a consumer is sent; the broker has not answered yet.
        case opening(deadline: Instant)
        case consuming
        /// The channel cancels its consumer of one message at a time, and then consumes many. It acknowledges the message when the cancel
        /// is confirmed, so that the broker delivers no other before.
        case widening(deadline: Instant)
        /// The channel takes no more deliveries, and waits until its last acknowledgements have arrived.
        case settling(until: Instant)
        /// The worker has sent `channel.close`, and the broker has not answered yet.
        case closing(deadline: Instant, retryAt: Instant)
    }

    enum Action: Equatable, Sendable {
        case open
        case close
        /// The broker did not answer in time: end the connection.
        case giveUp
        /// Cancel the consumer of one message at a time.
        case cancel
    }

    private(set) var phase: Phase
    private(set) var generation: UInt64 = 0
    /// Whether the broker delivers one message at a time.
    private(set) var takesOne = false
    /// The number of an unacknowledged message that was not redelivered.
    private var fresh: UInt64?
    /// Whether such a message was acknowledged.
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

    /// Whether the broker keeps unacknowledged deliveries for this channel.
    var holdsDeliveries: Bool {
        switch phase {
        case .opening, .consuming, .widening, .settling: true
        case .closed, .closing: false
        }
    }

    /// Whether the next turn cancels the consumer. Its message is not acknowledged before that.
    var isAboutToWiden: Bool { phase == .consuming && takesOne && isReadyForMany }

    /// Decides what is due now.
    ///
    /// - Parameters:
    ///   - wanted: whether the channel should consume.
    ///   - nextGeneration: the channel's generation if it is opened now.
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

    /// When to call ``turn(now:wanted:nextGeneration:)`` again if nothing else happens.
    func deadline(wanted: Bool) -> Instant? {
        switch phase {
        case .closed(let retryAt): wanted ? retryAt : nil
        case .opening(let deadline), .widening(let deadline), .closing(let deadline, _): deadline
        case .settling(let until): until
        case .consuming: nil
        }
    }

    /// Closes the channel, even if it is wanted again immediately: unacknowledged messages return to their queue.
    mutating func suspend(now: Instant) {
        switch phase {
        case .opening, .consuming, .widening: phase = .settling(until: now + settleTime)
        case .closed, .settling, .closing: break
        }
    }

    /// Called when a message was delivered.
    ///
    /// - Returns: whether to take the message. If a redelivered one arrives while many are taken at a time, all are returned and then taken
    ///   one at a time.
    mutating func takes(_ number: UInt64, isRedelivered: Bool, now: Instant) -> Bool {
        guard beginsWithOne else { return true }
        if isRedelivered, !takesOne {
            suspend(now: now)
            return false
        }
        if takesOne, !isRedelivered { fresh = number }
        return true
    }

    /// Called when the worker has finished a message.
    mutating func finish(_ number: UInt64) {
        tracker.finish(number)
        if number == fresh { isReadyForMany = true }
    }

    /// Called when the broker has confirmed that the consumer of one message at a time is cancelled.
    ///
    /// - Returns: whether to acknowledge its message, and to consume many at a time on the same channel.
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

    /// Records a delivery, and returns whether to take it. A delivery that is not taken returns to its queue when the channel closes.
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

    /// Called when the broker ended the consumer because its queue is gone. It closes the channel.
    mutating func consumerCancelled(now: Instant) -> Action? {
        switch phase {
        case .opening, .consuming, .widening, .settling: close(now: now, retryAt: now + backoff.next())
        case .closing, .closed: nil
        }
    }

    /// Called when the broker closed the channel.
    mutating func closedByBroker(now: Instant) {
        phase = .closed(retryAt: now + backoff.next())
    }

    mutating func closeConfirmed() {
        guard case .closing(_, let retryAt) = phase else { return }
        phase = .closed(retryAt: retryAt)
    }

    /// Called when the connection is gone, and the channel with it.
    mutating func connectionLost(now: Instant) {
        phase = .closed(retryAt: now)
    }

    private mutating func close(now: Instant, retryAt: Instant) -> Action {
        phase = .closing(deadline: now + replyTimeout, retryAt: retryAt)
        return .close
    }
}
