import Logging
import Telemetry

/// The role of a connection that consumes. It has one channel for each queue, so that a missing queue does not affect the others.
struct ConsumerRole: ConnectionRole {
    enum Command: Sendable {
        case acknowledge([DeliveryTag])
        /// See ``Consumer/holds(_:)``.
        case ask(DeliveryTag, CheckedContinuation<Bool, Never>)
        case suspend
        case resume
    }

    private let configuration: ConsumerConfiguration
    private let inbox: DeliveryInbox
    private let log: Logger
    /// The channel of `sources[i]` has the number i + 1.
    private var channels: [ConsumingChannel]
    private var lastGeneration: UInt64 = 0
    /// The channels, by index, whose consumer has got a message: RabbitMQ gives a queue's messages to one consumer, and others are on standby.
    private var active: Set<Int> = []
    private var isOpen = true
    /// The deliveries that arrived in this turn.
    private var arrived: [Delivery] = []
    /// The questions of this turn, each about the channel of a generation.
    private var questions: [(generation: UInt64, answer: CheckedContinuation<Bool, Never>)] = []

    init(configuration: ConsumerConfiguration, inbox: DeliveryInbox, replyTimeout: Duration, log: Logger) {
        self.configuration = configuration
        self.inbox = inbox
        self.log = log
        channels = configuration.sources.map { _ in
            ConsumingChannel(
                now: .now,
                settleTime: configuration.settleTime,
                replyTimeout: replyTimeout,
                beginsWithOne: configuration.beginsWithOne
            )
        }
    }

    var state: ConnectionState {
        // A blocked connection still delivers messages and accepts acknowledgements.
        channels.allSatisfy(\.isConsuming) ? .consuming : .connected
    }

    mutating func opened(_ connection: BrokerConnection) {}

    mutating func lost(_ error: AMQPError, now: ContinuousClock.Instant) {
        arrived = []
        for index in channels.indices {
            forget(index)
            channels[index].connectionLost(now: now)
        }
        answerQuestions()
    }

    mutating func perform(_ command: Command, now: ContinuousClock.Instant) {
        switch command {
        case .acknowledge(let tags):
            for tag in tags {
                guard let index = channels.firstIndex(where: { $0.generation == tag.generation }) else { continue }
                channels[index].finish(tag.number)
            }
        case .ask(let tag, let answer):
            questions.append((tag.generation, answer))
        case .suspend:
            isOpen = false
            for index in channels.indices {
                channels[index].suspend(now: now)
                forget(index)
            }
        case .resume:
            isOpen = true
        }
    }

    mutating func received(_ inbound: Inbound, on connection: BrokerConnection, now: ContinuousClock.Instant) throws(AMQPError) {
        switch inbound {
        case .delivery(let message, let channel):
            guard let index = index(of: channel), channels[index].delivered(message.number) else { return }
            guard channels[index].takes(message.number, isRedelivered: message.isRedelivered, now: now) else {
                log.notice(
                    "A message was delivered again: taking messages one at a time until a new one arrives",
                    metadata: .keys([.queue: "\(configuration.sources[index].queue)"])
                )
                return forget(index)
            }
            if active.insert(index).inserted {
                log.info("This worker takes the queue's messages", metadata: .keys([.queue: "\(configuration.sources[index].queue)"]))
            }
            arrived.append(
                Delivery(
                    tag: DeliveryTag(generation: channels[index].generation, number: message.number),
                    queue: configuration.sources[index].queue,
                    exchange: message.exchange,
                    routingKey: message.routingKey,
                    isRedelivered: message.isRedelivered,
                    properties: message.properties,
                    body: message.body
                )
            )
        case .consumerStarted(let channel):
            guard let index = index(of: channel) else { return }
            channels[index].consumerStarted()
            // The switch from one message at a time to many is not logged.
            guard channels[index].takesOne == configuration.beginsWithOne else { return }
            log.info("Consuming", metadata: .keys([.queue: "\(configuration.sources[index].queue)"]))
        case .consumerCancelled(let channel):
            guard let index = index(of: channel) else { return }
            log.warning("RabbitMQ cancelled the consumer", metadata: .keys([.queue: "\(configuration.sources[index].queue)"]))
            forget(index)
            if channels[index].consumerCancelled(now: now) != nil { try connection.closeChannel(channel) }
        case .consumerCancelConfirmed(let channel):
            guard let index = index(of: channel), channels[index].consumerIsCancelled(now: now) else { return }
            for acknowledgement in channels[index].tracker.flush() { try connection.acknowledge(acknowledgement, channel: channel) }
            try connection.consume(configuration.sources[index], prefetch: configuration.prefetch, channel: channel)
        case .channelClosed(let channel, let error):
            guard let index = index(of: channel) else { return }
            log.warning(
                "RabbitMQ closed the channel",
                metadata: .keys([.queue: "\(configuration.sources[index].queue)", .error: "\(error)"])
            )
            forget(index)
            channels[index].closedByBroker(now: now)
            if configuration.endsWhenClosed { throw error }
        case .channelCloseConfirmed(let channel):
            guard let index = index(of: channel) else { return }
            channels[index].closeConfirmed()
        case .channelOpened, .confirmsSelected, .returned, .answered, .blocked, .unblocked:
            break
        }
    }

    mutating func turn(
        _ connection: BrokerConnection,
        now: ContinuousClock.Instant,
        isStopping: Bool
    ) throws(AMQPError) -> LoopTurn {
        if !arrived.isEmpty {
            inbox.append(arrived)
            arrived = []
        }
        answerQuestions()
        let wanted = isOpen && !isStopping
        var turn = LoopTurn()
        for index in channels.indices {
            let channel = UInt16(index + 1)
            if channels[index].canAcknowledge, !channels[index].isAboutToWiden {
                for acknowledgement in channels[index].tracker.flush() { try connection.acknowledge(acknowledgement, channel: channel) }
            }
            switch channels[index].turn(now: now, wanted: wanted, nextGeneration: lastGeneration + 1) {
            case .open:
                lastGeneration += 1
                try connection.openChannel(channel)
                try connection.consume(
                    configuration.sources[index],
                    prefetch: channels[index].takesOne ? 1 : configuration.prefetch,
                    channel: channel
                )
            case .cancel:
                try connection.cancelConsumer(channel)
            case .close:
                forget(index)
                try connection.closeChannel(channel)
            case .giveUp:
                throw AMQPError(.timedOut, "RabbitMQ did not open or close a channel in time.")
            case nil:
                break
            }
            if let deadline = channels[index].deadline(wanted: wanted) {
                turn.nextAt = min(turn.nextAt ?? deadline, deadline)
            }
        }
        turn.isFinished = isStopping && channels.allSatisfy(\.isClosed)
        return turn
    }

    mutating func idleTurn(now: ContinuousClock.Instant, isStopping: Bool) -> LoopTurn {
        answerQuestions()
        return LoopTurn(isFinished: isStopping)
    }

    mutating func ended() {
        for index in channels.indices { channels[index].connectionLost(now: .now) }
        answerQuestions()
        inbox.finish()
    }

    private mutating func answerQuestions() {
        for question in questions {
            question.answer.resume(returning: channels.contains { $0.generation == question.generation && $0.holdsDeliveries })
        }
        questions = []
    }

    /// Checks a channel number from the broker before it is used as an index.
    private func index(of channel: UInt16) -> Int? {
        let index = Int(channel) - 1
        return channels.indices.contains(index) ? index : nil
    }

    /// Drops deliveries of a closing channel that were not taken yet: the broker delivers them again.
    private mutating func forget(_ index: Int) {
        active.remove(index)
        let generation = channels[index].generation
        arrived.removeAll { $0.tag.generation == generation }
        inbox.remove(generation: generation)
    }
}
