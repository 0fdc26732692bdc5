import DequeModule
import Logging
import Telemetry

/// A connection that publishes, on one channel with confirms.
///
/// When the connection or its channel ends, everything that was handed over until then fails, also what was not yet sent: otherwise later
/// messages would overtake earlier ones, whose publisher has yet to decide whether to repeat them. What comes after that waits for the next connection.
///
/// When the broker closes the channel over a message it does not name it. A message that was alone under way is the culprit
/// (``AMQPError/Code/closedChannel``); several are suspects (``AMQPError/Code/suspected``), and their publisher finds out by sending each alone.
struct PublisherRole: ConnectionRole {
    typealias Command = PublishGroup

    private struct Ticket: Sendable {
        var group: PublishGroup
        var index: Int
    }

    private enum Phase: Equatable {
        case disconnected
        /// Channel and confirms are asked for; the broker has not yet answered.
        case opening(deadline: ContinuousClock.Instant)
        case ready
    }

    private static let channel: UInt16 = 1
    /// Reading has its turn after so many messages or bytes written, so that confirms never pile up behind writes.
    private static let messagesPerTurn = 256
    private static let bytesPerTurn = 1 << 20

    private let configuration: PublisherConfiguration
    private let replyTimeout: Duration
    private let log: Logger
    private var phase = Phase.disconnected
    private var blockedReason: String?
    private var tracker = ConfirmTracker<Ticket>()
    /// In the order of their deadlines, which is that in which they came; those at the front may be settled already.
    private var groups = Deque<PublishGroup>()
    /// Not yet sent; a group leaves when its last message is sent.
    private var unsent = Deque<PublishGroup>()
    /// Of the first group in `unsent`, how many messages are sent.
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
            return group.settleRest(AMQPError(.overloaded, "\(unsentCount) messages wait to be published already."))
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
        // A failed attempt to connect takes nothing with it: what waits has not been near a broker.
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
            log.warning("RabbitMQ takes no messages for now", metadata: .keys([.reason: "\(reason)"]))
            blockedReason = reason
        case .unblocked:
            log.info("RabbitMQ takes messages again")
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
            // Refused, timed out or cancelled ones are not sent.
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

    /// - Parameter isOverMessage: whether a message has brought it about: one of those that are under way, since the broker answers for the others.
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
    /// Whether the broker ended a connection for a reason that a message can cause. 320 means that an operator ended it.
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
                AMQPError(.returned, "No queue is bound that would take the message (\(replyText)).", replyCode: replyCode)
            )
        }
    }
}
