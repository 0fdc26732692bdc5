import Confinement
import Glibc
import Logging
import Synchronization
import Telemetry

/// What a connection is for: consuming or publishing. It lives on the connection's thread, decides there, and never blocks but in writes.
protocol ConnectionRole: SendableMetatype {
    associatedtype Command: Sendable

    /// The connection is open.
    mutating func opened(_ connection: BrokerConnection) throws(AMQPError)
    /// The connection is gone. The role is asked on, without one, until the next is open.
    mutating func lost(_ error: AMQPError, now: ContinuousClock.Instant)

    mutating func received(_ inbound: Inbound, on connection: BrokerConnection, now: ContinuousClock.Instant) throws(AMQPError)
    mutating func perform(_ command: Command, now: ContinuousClock.Instant)

    /// Writes what is due, once a turn, after everything that has arrived was read.
    ///
    /// - Parameter isStopping: whether to come to an end; ``LoopTurn/isFinished`` then says that there is nothing left to do.
    mutating func turn(_ connection: BrokerConnection, now: ContinuousClock.Instant, isStopping: Bool) throws(AMQPError) -> LoopTurn
    /// What is due while there is no connection.
    mutating func idleTurn(now: ContinuousClock.Instant, isStopping: Bool) -> LoopTurn

    /// The service is over: nobody must be left waiting.
    mutating func ended()

    /// How the connection stands, as long as it is open.
    var state: ConnectionState { get }
}

/// How a turn ended.
struct LoopTurn {
    /// When to take another one, even if nothing arrives.
    var nextAt: ContinuousClock.Instant?
    /// Whether there is more to do at once.
    var hasMore = false
    var isFinished = false
}

/// A thread that owns a connection, polls its socket and a mailbox, and connects again whenever it has to.
///
/// A turn: take the commands, read everything that has arrived, write what is due, sleep until the socket, the mailbox or a deadline
/// calls. Waits are woken: nothing here asks in intervals, but for the signs of life that AMQP itself demands.
final class ConnectionLoop<Role: ConnectionRole>: Sendable {
    private struct Mailbox {
        var commands: [Role.Command] = []
        var isStopping = false
        /// Nobody looks into the mailbox any more.
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

    /// How much is read before writing has its turn.
    private var inboundPerTurn: Int { 2000 }

    /// - Parameter drainTime: how long the role may take to come to an end when it is told to stop.
    init(configuration: AMQPConfiguration, maximumBodyBytes: Int, drainTime: Duration, log: Logger) throws(AMQPError) {
        self.configuration = configuration
        self.maximumBodyBytes = maximumBodyBytes
        self.drainTime = drainTime
        var log = log
        log[.host] = "\(configuration.host)"
        log[.port] = "\(configuration.port)"
        self.log = log
        do {
            wake = try WakeDescriptor()
        } catch {
            throw AMQPError(.unexpected, error.description)
        }
    }

    /// Hands a command to the thread; it is taken up at once.
    ///
    /// - Returns: `false` if the thread has ended, or never started: the command is then not performed.
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

    /// Runs the connection on a thread of its own until ``stop()``, which cancelling the task also is.
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

    /// A thread that is stuck longer than twice the heartbeat is freed by ending its socket.
    private func keepWatch() async {
        let limit = Duration.seconds(configuration.heartbeat * 3 / 2)
        while (try? await Task.sleep(for: .seconds(configuration.heartbeat) / 4)) != nil {
            if watch.check(now: .now, limit: limit) {
                log.error("RabbitMQ takes nothing any more: the watchdog ended the connection")
            }
        }
    }

    // MARK: On the thread

    private func loop(_ role: consuming Role) {
        var backoff = Backoff()
        while !mailbox.withLock({ $0.isStopping }) {
            let start = ContinuousClock.now
            do {
                try connectAndServe(&role)
                break
            } catch {
                let now = ContinuousClock.now
                // Longer than any attempt to connect takes: it was a connection that worked, rather than one that is refused at once each time.
                if now - start > .seconds(30) { backoff.reset() }
                let delay = backoff.next()
                role.lost(error, now: now)
                states.update(.disconnected(reason: error))
                log.warning("No connection to RabbitMQ", metadata: .keys([.error: "\(error)", .delay: "\(delay)"]))
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

    private func connectAndServe(_ role: inout Role) throws(AMQPError) {
        let connection = try BrokerConnection.open(configuration, maximumBodyBytes: maximumBodyBytes)
        log.info("Connected to RabbitMQ")
        watch.guardSocket(connection.socket)
        // The descriptor is closed when `connection` goes, which is after this.
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

    /// Waits for the next attempt, serving the role meanwhile.
    ///
    /// - Returns: whether the role has come to its end.
    private func idle(_ role: inout Role, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let now = ContinuousClock.now
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

    /// - Parameter socket: -1 for none; `poll` passes it over.
    private func sleep(socket: Int32, until deadline: ContinuousClock.Instant) {
        var descriptors = [
            pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.fileDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        let wait = deadline - .now
        // Rounded up: waking just before a deadline would find nothing to do.
        let milliseconds = wait <= .zero ? 0 : Int32(clamping: Int64(wait / .milliseconds(1)) + 1)
        poll(&descriptors, 2, milliseconds)
        // Cleared before the mailbox is looked into, so that no request is lost.
        if descriptors[1].revents != 0 { wake.clear() }
    }
}

extension ContinuousClock.Instant {
    /// Later than any deadline.
    static var distantFuture: Self { .now + .seconds(86_400) }
}
