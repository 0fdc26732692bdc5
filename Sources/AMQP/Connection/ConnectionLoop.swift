import Confinement
import Glibc
import Logging
import Metrics
import Synchronization
import Telemetry

/// The role of a connection: consuming or publishing. It runs on the connection's thread, and blocks only in writes.
protocol ConnectionRole: SendableMetatype {
    associatedtype Command: Sendable

    /// Called when a connection is open.
    mutating func opened(_ connection: BrokerConnection) throws(AMQPError)
    /// Called when the connection is gone. Until the next one is open, the loop calls ``idleTurn(now:isStopping:)``.
    mutating func lost(_ error: AMQPError, now: ContinuousClock.Instant)

    mutating func received(_ inbound: Inbound, on connection: BrokerConnection, now: ContinuousClock.Instant) throws(AMQPError)
    mutating func perform(_ command: Command, now: ContinuousClock.Instant)

    /// Writes what is due. The loop calls it once a turn, after it has read everything that arrived.
    ///
    /// - Parameter isStopping: whether to finish; ``LoopTurn/isFinished`` then says that nothing is left to do.
    mutating func turn(_ connection: BrokerConnection, now: ContinuousClock.Instant, isStopping: Bool) throws(AMQPError) -> LoopTurn
    /// Does what is due while there is no connection.
    mutating func idleTurn(now: ContinuousClock.Instant, isStopping: Bool) -> LoopTurn

    /// Called when the service has ended: every waiting caller must get an answer.
    mutating func ended()

    /// The state of an open connection.
    var state: ConnectionState { get }
}

/// The result of a turn.
struct LoopTurn {
    /// When to take the next turn, even if nothing arrives.
    var nextAt: ContinuousClock.Instant?
    /// Whether there is more to do immediately.
    var hasMore = false
    var isFinished = false
}

/// A thread that owns a connection, polls its socket and a mailbox, and reconnects when needed.
///
/// In each turn, it takes the commands, reads everything that has arrived, writes what is due, and sleeps. The socket, the mailbox or a
/// deadline wakes it. Nothing polls at intervals, except for AMQP's heartbeats.
final class ConnectionLoop<Role: ConnectionRole>: Sendable {
    private struct Mailbox {
        var commands: [Role.Command] = []
        var isStopping = false
        /// Whether the thread no longer reads the mailbox.
        var isClosed = false
    }

    let states = ConnectionStateBroadcast()

    private let configuration: AMQPConfiguration
    private let maximumBodyBytes: Int
    private let drainTime: Duration
    private let log: Logger
    private let wake: WakeDescriptor
    private let mailbox = Mutex(Mailbox())
    private let watch = SocketWatch()
    private let pulse: Pulse
    private let connects: Metered<ConnectResult, Counter>

    /// The maximum number of frames to read before writing.
    private var inboundPerTurn: Int { 2000 }

    /// - Parameter drainTime: how long the role may take to finish after ``stop()``.
    init(
        configuration: AMQPConfiguration,
        maximumBodyBytes: Int,
        drainTime: Duration,
        log: Logger,
        loop: Pulse.Loop,
        instruments: Instruments
    ) throws(AMQPError) {
        self.configuration = configuration
        self.maximumBodyBytes = maximumBodyBytes
        self.drainTime = drainTime
        var log = log
        log[.host] = "\(configuration.host)"
        log[.port] = "\(configuration.port)"
        self.log = log
        pulse = instruments.pulses[loop]
        connects = Metered(.brokerConnects, [("role", loop == .consumer ? "consumer" : "publisher")], to: instruments.metrics)
        do {
            wake = try WakeDescriptor()
        } catch {
            throw AMQPError(.unexpected, error.description)
        }
    }

    /// Hands a command to the thread, which takes it immediately.
    ///
    /// - Returns: `false` if the thread has ended, or never started. The command is then not performed.
    func send(_ command: Role.Command) -> Bool {
        let (isAccepted, wasEmpty) = mailbox.withLock { mailbox in
            guard !mailbox.isClosed else { return (false, false) }
            defer { mailbox.commands.append(command) }
            return (true, mailbox.commands.isEmpty)
        }
        if wasEmpty { wake.wake() }
        return isAccepted
    }

    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wake.wake()
    }

    /// Runs the connection on its own thread until ``stop()`` or until the task is cancelled.
    func run(name: String, role: @escaping @Sendable () -> Role) async throws(AMQPError) {
        let thread: ConfinedThread
        do {
            thread = try ConfinedThread.start(name: name) { self.loop(role()) }
        } catch {
            mailbox.withLock { $0.isClosed = true }
            throw AMQPError(.unexpected, error.description)
        }
        await withTaskGroup { group in
            group.addTask { await self.keepWatch() }
            await withTaskCancellationHandler {
                await thread.waitUntilFinished()
            } onCancel: {
                self.stop()
            }
            group.cancelAll()
        }
    }

    /// Frees a thread that was stuck in one turn for 1.5 heartbeats, by ending its socket.
    private func keepWatch() async {
        let limit = Duration.seconds(configuration.heartbeat * 3 / 2)
        while (try? await Task.sleep(for: .seconds(configuration.heartbeat) / 4)) != nil {
            if watch.check(now: .now, limit: limit) {
                log.error("RabbitMQ no longer reads from the connection: the watchdog ended it")
            }
        }
    }

    // MARK: On the thread

    private func loop(_ role: consuming Role) {
        defer { pulse.rest() }
        var backoff = Backoff()
        var outage = OutageLog()
        while !mailbox.withLock({ $0.isStopping }) {
            let start = ContinuousClock.now
            do {
                try connectAndServe(&role) { outage.ended() }
                break
            } catch {
                let now = ContinuousClock.now
                // No attempt to connect takes this long, so the connection worked and was not refused immediately.
                if now - start > .seconds(30) { backoff.reset() }
                let delay = backoff.next()
                role.lost(error, now: now)
                states.update(.disconnected(reason: error))
                if let count = outage.failed("\(error)", at: now) {
                    let details: Logger.Metadata = .keys([.error: "\(error)", .delay: "\(delay.inLog)", .count: "\(count)"])
                    log.warning("No connection to RabbitMQ", metadata: details)
                }
                if idle(&role, until: now + delay) { break }
            }
        }
        let left = mailbox.withLock { mailbox in
            mailbox.isClosed = true
            defer { mailbox.commands = [] }
            return mailbox.commands
        }
        for command in left { role.perform(command, now: .now) }
        role.ended()
        states.finish()
    }

    /// - Parameter onConnection: called when a connection is open.
    private func connectAndServe(_ role: inout Role, _ onConnection: () -> Void) throws(AMQPError) {
        let connection: BrokerConnection
        do { connection = try BrokerConnection.open(configuration, maximumBodyBytes: maximumBodyBytes) } catch {
            connects[.failed].increment()
            throw error
        }
        log.info("Connected to RabbitMQ")
        connects[.ok].increment()
        onConnection()
        watch.guardSocket(connection.socket)
        // `connection` closes the descriptor when it is released, which is after this.
        defer { withExtendedLifetime(connection) { watch.release() } }
        watch.enter(now: .now)
        try role.opened(connection)
        states.update(role.state)
        try serve(connection, &role)
        watch.enter(now: .now)
        connection.close()
    }

    private func serve(_ connection: BrokerConnection, _ role: inout Role) throws(AMQPError) {
        let heartbeat = Duration.seconds(configuration.heartbeat)
        var known = role.state
        var stopBy: ContinuousClock.Instant?
        while true {
            let now = ContinuousClock.now
            pulse.turn()
            watch.enter(now: now)
            let isStopping = perform(&role, now: now)
            if isStopping, stopBy == nil { stopBy = now + drainTime }

            var inboundCount = 0
            while inboundCount < inboundPerTurn, let inbound = try connection.receive() {
                try role.received(inbound, on: connection, now: now)
                inboundCount += 1
            }
            let turn = try role.turn(connection, now: now, isStopping: isStopping)
            connection.releaseBuffers()
            watch.leave()

            if !role.state.isSame(as: known) {
                known = role.state
                states.update(known)
            }
            if turn.isFinished { return }
            if let stopBy, now >= stopBy { return }
            let hasMore = turn.hasMore || inboundCount == inboundPerTurn
            let limit = min(now + heartbeat / 4, turn.nextAt ?? .distantFuture, stopBy ?? .distantFuture)
            sleep(socket: connection.socket, until: hasMore ? now : limit)
        }
    }

    /// Waits for the next attempt, and serves the role meanwhile.
    ///
    /// - Returns: whether the role has finished.
    private func idle(_ role: inout Role, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let now = ContinuousClock.now
            pulse.turn()
            let isStopping = perform(&role, now: now)
            let turn = role.idleTurn(now: now, isStopping: isStopping)
            if turn.isFinished || isStopping { return true }
            if now >= deadline { return false }
            sleep(socket: -1, until: min(deadline, turn.nextAt ?? .distantFuture))
        }
    }

    private func perform(_ role: inout Role, now: ContinuousClock.Instant) -> Bool {
        let (commands, isStopping) = mailbox.withLock { mailbox in
            defer { mailbox.commands = [] }
            return (mailbox.commands, mailbox.isStopping)
        }
        for command in commands { role.perform(command, now: now) }
        return isStopping
    }

    /// - Parameter socket: -1 for none; `poll` ignores it.
    private func sleep(socket: Int32, until deadline: ContinuousClock.Instant) {
        var descriptors = [
            pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.fileDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        pulse.rest()
        let wait = deadline - .now
        // Rounded up: just before a deadline, there would be nothing to do.
        let milliseconds = wait <= .zero ? 0 : Int32(clamping: Int64(wait / .milliseconds(1)) + 1)
        poll(&descriptors, 2, milliseconds)
        // Cleared before the mailbox is read, so that no command is lost.
        if descriptors[1].revents != 0 { wake.clear() }
    }
}

/// The result of an attempt to connect.
enum ConnectResult: String, MetricLabel {
    case ok
    case failed

    static var metricLabel: String { "result" }
}

extension ContinuousClock.Instant {
    /// Later than any deadline.
    static var distantFuture: Self { .now + .seconds(86_400) }
}
