import DequeModule
import Logging
import Telemetry

/// The role of a connection that publishes on one channel with confirms.
///
/// When the connection or its channel ends, all submitted messages fail, including those not yet sent. Otherwise later messages would
/// overtake earlier ones that their publisher may repeat. Messages submitted after that wait for the next connection.
///
/// When the broker closes the channel because of a message, it does not name it. A single message in flight is the culprit
/// (``AMQPError/Code/closedChannel``). Several are suspects (``AMQPError/Code/suspected``), and their publisher finds the culprit by
/// sending each alone.
struct PublisherRole: ConnectionRole {
    typealias Command = PublishGroup

    private struct Ticket: Sendable {
        var group: PublishGroup
        var index: Int
    }

    private enum Phase: Equatable {
        case disconnected
        /// Channel and confirms are requested; the broker has not answered yet.
        case opening(deadline: ContinuousClock.Instant)
        case ready
    }

    private static let channel: UInt16 = 1
    /// The maximum number of messages and bytes to write before reading, so that confirms do not pile up behind writes.
    private static let messagesPerTurn = 256
    private static let bytesPerTurn = 1 << 20

    private let configuration: PublisherConfiguration
    private let replyTimeout: Duration
    private let log: Logger
    private var phase = Phase.disconnected
    private var blockedReason: String?
    private var tracker = ConfirmTracker<Ticket>()
    /// The groups in the order of their deadlines, which is the order of submission. Those at the front may be settled already.
    private var groups = Deque<PublishGroup>()
    /// The groups with unsent messages; a group is removed when its last message is sent.
    private var unsent = Deque<PublishGroup>()
    /// The number of sent messages in the first group of `unsent`.
    private var sentOfFirst = 0
    private var unsentCount = 0

    init(configuration: PublisherConfiguration, replyTimeout: Duration, log: Logger) {
        self.configuration = configuration
        self.replyTimeout = replyTimeout
        self.log = log
    }

    var state: ConnectionState {
        if let blockedReason { .blocked(reason: blockedReason) } else { .connected }
    }

    mutating func perform(_ group: PublishGroup, now: ContinuousClock.Instant) {
        guard unsentCount + group.messages.count <= configuration.maximumWaiting else {
            return group.settleRest(AMQPError(.overloaded, "\(unsentCount) messages are already waiting to be published."))
        }
        for (index, message) in group.messages.enumerated() {
            if let problem = message.problem { group.settle(index, .failure(problem)) }
        }
        groups.append(group)
        unsent.append(group)
        unsentCount += group.messages.count
    }

    mutating func opened(_ connection: BrokerConnection) throws(AMQPError) {
        for queue in configuration.awaitedQueues { try connection.declare(Topology.Queue(name: queue, arguments: [:]), passively: true) }
        try open(connection, now: .now)
    }

    private mutating func open(_ connection: BrokerConnection, now: ContinuousClock.Instant) throws(AMQPError) {
        phase = .opening(deadline: now + replyTimeout)
        try connection.openChannel(Self.channel)
        try connection.selectConfirms(Self.channel)
    }

    mutating func lost(_ error: AMQPError, now: ContinuousClock.Instant) {
        let hadConnection = phase != .disconnected
        phase = .disconnected
        blockedReason = nil
        // After a failed attempt to connect, messages continue to wait: none was sent.
        if hadConnection { failAll(error, isOverMessage: error.isOverMessage) }
    }

    mutating func received(_ inbound: Inbound, on connection: BrokerConnection, now: ContinuousClock.Instant) throws(AMQPError) {
        switch inbound {
        case .confirmsSelected:
            phase = .ready
        case .answered(_, let number, let isMultiple, let isAck):
            tracker.answered(number, multiple: isMultiple, isAck: isAck) { ticket, outcome in
                ticket.group.settle(ticket.index, PublishResult(outcome))
            }
        case .returned(let message, _):
            let label = ConfirmTracker<Ticket>.Label(
                exchange: message.exchange,
                routingKey: message.routingKey,
                messageID: message.messageID
            )
            tracker.returned(label, replyCode: message.replyCode, replyText: message.replyText)
        case .channelClosed(_, let error):
            log.warning("RabbitMQ refused a message and closed the channel", metadata: .keys([.error: "\(error)"]))
            failAll(error, isOverMessage: true)
            try open(connection, now: now)
        case .blocked(let reason):
            log.warning("RabbitMQ accepts no messages for now", metadata: .keys([.reason: "\(reason)"]))
            blockedReason = reason
        case .unblocked:
            log.info("RabbitMQ accepts messages again")
            blockedReason = nil
        case .channelOpened, .channelCloseConfirmed, .consumerStarted, .consumerCancelled, .consumerCancelConfirmed, .delivery:
            break
        }
    }

    mutating func turn(
        _ connection: BrokerConnection,
        now: ContinuousClock.Instant,
        isStopping: Bool
    ) throws(AMQPError) -> LoopTurn {
        if case .opening(let deadline) = phase, now >= deadline {
            throw AMQPError(.timedOut, "RabbitMQ did not open a channel in time.")
        }
        var turn = idleTurn(now: now, isStopping: isStopping)
        if phase == .ready, blockedReason == nil { turn.hasMore = try publish(connection) }
        turn.isFinished = isStopping && unsent.isEmpty && tracker.unsettled == 0
        if case .opening(let deadline) = phase { turn.nextAt = min(turn.nextAt ?? deadline, deadline) }
        return turn
    }

    mutating func idleTurn(now: ContinuousClock.Instant, isStopping: Bool) -> LoopTurn {
        while let group = groups.first, group.isSettled || group.deadline <= now {
            group.settleRest(AMQPError(.timedOut, "RabbitMQ did not confirm in time."))
            groups.removeFirst()
        }
        return LoopTurn(nextAt: groups.first?.deadline, isFinished: isStopping)
    }

    mutating func ended() {
        failAll(AMQPError(.shutDown, "The publisher has ended."))
    }

    /// Writes as much as the window and the turn allow.
    ///
    /// - Returns: whether the turn's share is used up and more could be written.
    private mutating func publish(_ connection: BrokerConnection) throws(AMQPError) -> Bool {
        guard !unsent.isEmpty, tracker.unsettled < configuration.window else { return false }
        var messages = 0
        var bytes = 0
        connection.cork()
        while let group = unsent.first, tracker.unsettled < configuration.window {
            guard messages < Self.messagesPerTurn, bytes < Self.bytesPerTurn else { break }
            // Messages that are refused, timed out or cancelled are not sent.
            if !group.isSettled(sentOfFirst) {
                let message = group.messages[sentOfFirst]
                try connection.publish(message, channel: Self.channel)
                let label = ConfirmTracker<Ticket>.Label(
                    exchange: message.exchange,
                    routingKey: message.routingKey,
                    messageID: message.properties.messageID
                )
                tracker.published(Ticket(group: group, index: sentOfFirst), label: label)
                messages += 1
                bytes += message.body.count
            }
            unsentCount -= 1
            sentOfFirst += 1
            if sentOfFirst == group.messages.count {
                unsent.removeFirst()
                sentOfFirst = 0
            }
        }
        connection.uncork()
        return !unsent.isEmpty && tracker.unsettled < configuration.window
    }

    /// - Parameter isOverMessage: whether a message caused the error. It is one of those in flight, since the broker has answered for the
    ///   others.
    private mutating func failAll(_ error: AMQPError, isOverMessage: Bool = false) {
        let underWay = tracker.reset()
        let failure =
            if !isOverMessage {
                AMQPError(.unconfirmed, "RabbitMQ did not confirm: \(error.message)")
            } else if underWay.count == 1 {
                AMQPError(.closedChannel, error.message, replyCode: error.replyCode)
            } else {
                AMQPError(.suspected, error.message, replyCode: error.replyCode)
            }
        for ticket in underWay { ticket.group.settle(ticket.index, .failure(failure)) }
        while let group = groups.first {
            group.settleRest(error)
            groups.removeFirst()
        }
        unsent = []
        sentOfFirst = 0
        unsentCount = 0
    }
}

extension AMQPError {
    /// Whether a message may be the reason why the broker ended the connection. 320 means that an operator ended it.
    fileprivate var isOverMessage: Bool { code == .connectionLost && replyCode.map { $0 != 320 } ?? false }
}

extension PublishResult {
    init<Token>(_ outcome: ConfirmTracker<Token>.Outcome) {
        switch outcome {
        case .confirmed:
            self = .success(())
        case .nacked:
            self = .failure(AMQPError(.nacked, "RabbitMQ refuses the message; a queue may be full."))
        case .returned(let replyCode, let replyText):
            self = .failure(
                AMQPError(.returned, "No queue is bound for the message (\(replyText)).", replyCode: replyCode)
            )
        }
    }
}
