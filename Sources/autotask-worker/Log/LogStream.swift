import Confinement
import Glibc
import Logging
import Synchronization

/// Where log lines go: they are collected for some milliseconds, and written together by a thread of their own.
///
/// A warning or worse is written before ``append(_:at:)`` returns, with all earlier lines. So are the lines of a process that exits. A
/// process that is killed loses the lines of its last 10 ms below that level.
///
/// A reader of the log that stops reading, or reads slowly, holds up no work: callers wait for it one second in a minute at most, all together.
/// 2 MiB are kept for it. Further lines are dropped, and counted in a line of their own.
final class LogStream: Sendable {
    private struct Pending {
        var lines: [UInt8] = []
        /// How many lines were dropped since the last line that says so.
        var dropped = 0
        /// Whether the thread waits for a line.
        var isResting = false
        /// Whether the reader has not taken all lines in time: what does not fit is dropped.
        var isStuck = false
        /// Until then nobody but the thread waits for the reader.
        var noWaitUntil: ContinuousClock.Instant?
        /// How long callers have waited for the reader since a moment.
        var waited = (time: Duration.zero, since: ContinuousClock.now)
        /// The time of the lines, formatted once a second, without the milliseconds.
        var stamp = (second: -1, text: [UInt8]())

        mutating func append(_ line: [UInt8], at level: Logger.Level, _ moment: timespec, in frame: Frame) {
            if stamp.second != moment.tv_sec { stamp = (moment.tv_sec, LogStream.stamp(moment.tv_sec)) }
            if frame.hasPriorities { lines.append(contentsOf: level.journalPriority.utf8) }
            lines.append(contentsOf: frame.beforeTime)
            lines.append(contentsOf: stamp.text)
            let milliseconds = moment.tv_nsec / 1_000_000
            for digit in [milliseconds / 100, milliseconds / 10 % 10, milliseconds % 10] {
                lines.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            }
            lines.append(UInt8(ascii: "Z"))
            lines.append(contentsOf: frame.afterTime)
            lines.append(contentsOf: line)
        }
    }

    /// What surrounds the time of each line.
    private struct Frame {
        let beforeTime: [UInt8]
        let afterTime: [UInt8]
        /// Whether a line begins with its priority, for journald.
        let hasPriorities: Bool
    }

    /// The lines that are being written.
    private struct Output {
        var bytes: [UInt8] = []
        var written = 0
    }

    /// How long lines are collected, in milliseconds.
    private static let pause: Int32 = 10
    /// Whoever appends more than this writes it, and waits for a slow reader of the log.
    private static let limit = 1 << 20
    /// How long callers wait for the reader of the log, within a minute.
    private static let patience: Duration = .seconds(1)
    /// How long no caller waits after that.
    private static let noWaitTime: Duration = .seconds(60)
    /// A pipe that is ready takes this many bytes without blocking.
    private static let chunk = Int(PIPE_BUF)

    /// Where the lines are written. A write does not block.
    private let descriptor: Int32
    private let pending = Mutex(Pending())
    /// Below it nothing is logged.
    private let threshold = Mutex(Logger.Level.info)
    /// Held while lines are written, so that they stay in order. It is taken before `pending`.
    private let output = Mutex(Output())
    private let wake: WakeDescriptor
    let format: LogFormat
    private let frame: Frame

    /// - Parameters:
    ///   - descriptor: where the lines are written.
    ///   - format: how they are written.
    ///   - hasPriorities: whether each line begins with its priority. By default, if journald reads the descriptor.
    /// - Throws: `ConfinementError` if the system refuses the thread.
    init(_ descriptor: Int32, as format: LogFormat = .text, hasPriorities: Bool? = nil) throws(ConfinementError) {
        self.format = format
        let (before, after) = format.timeFrame
        frame = Frame(
            beforeTime: Array(before.utf8),
            afterTime: Array(after.utf8),
            hasPriorities: hasPriorities ?? LogStream.isOfJournal(descriptor)
        )
        self.descriptor = LogStream.nonblocking(descriptor)
        wake = try WakeDescriptor()
        try ConfinedThread.start(name: "log") { [self] in
            while true {
                let isEmpty = pending.withLock { pending in
                    pending.isResting = pending.lines.isEmpty && !pending.isStuck
                    return pending.isResting
                }
                if isEmpty { wake.wait() }
                poll(nil, 0, LogStream.pause)
                flush(isPatient: true)
            }
        }
    }

    /// The level below which nothing is logged, by all loggers of this stream without a level of their own.
    var level: Logger.Level {
        get { threshold.withLock { $0 } }
        set { threshold.withLock { $0 = newValue } }
    }

    func append(_ line: [UInt8], at level: Logger.Level) {
        let moment = LogStream.now
        let (mustFlush, mustWake) = pending.withLock { pending in
            guard pending.noWaitUntil == nil || pending.lines.count + line.count <= LogStream.limit else {
                pending.dropped += 1
                return (false, false)
            }
            pending.append(line, at: level, moment, in: frame)
            if level >= .warning || pending.lines.count > LogStream.limit {
                if let end = pending.noWaitUntil, end < .now { pending.noWaitUntil = nil }
                // The thread goes on resting if the lines are written here.
                if pending.noWaitUntil == nil { return (true, false) }
            }
            defer { pending.isResting = false }
            return (false, pending.isResting)
        }
        if mustFlush {
            let begin = ContinuousClock.now
            flush()
            noteWaiting(since: begin)
        }
        if mustWake { wake.wake() }
    }

    /// Writes the lines so far, as far as the reader of the log takes them within a second.
    ///
    /// - Parameter isPatient: whether to wait for a reader that stopped reading before.
    func flush(isPatient: Bool = false) {
        output.withLock { output in
            let mustNotWait = pending.withLock { $0.isStuck && $0.noWaitUntil != nil }
            let deadline = ContinuousClock.now + (mustNotWait && !isPatient ? .zero : LogStream.patience)
            // What the reader did not take the last time comes first.
            var isWritten = write(&output, until: deadline)
            if isWritten {
                pending.withLock { pending in
                    if pending.dropped > 0 {
                        pending.append(notice(of: pending.dropped), at: .warning, LogStream.now, in: frame)
                        pending.dropped = 0
                    }
                    swap(&pending.lines, &output.bytes)
                    pending.isStuck = false
                }
                isWritten = write(&output, until: deadline)
            }
            guard !isWritten else { return }
            // The thread goes on: it may be resting, because the caller was to write the lines.
            let wasResting = pending.withLock { pending in
                pending.isStuck = true
                pending.noWaitUntil = .now + LogStream.noWaitTime
                defer { pending.isResting = false }
                return pending.isResting
            }
            if wasResting { wake.wake() }
        }
    }

    /// Counts the time of a caller, who may have waited for a slow reader.
    private func noteWaiting(since begin: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        guard now - begin > .milliseconds(1) else { return }
        pending.withLock { pending in
            if now - pending.waited.since > LogStream.noWaitTime { pending.waited = (.zero, begin) }
            pending.waited.time += now - begin
            if pending.waited.time >= LogStream.patience {
                pending.noWaitUntil = max(pending.noWaitUntil ?? now, now + LogStream.noWaitTime)
            }
        }
    }

    /// Makes this the process's log: what is left is written when the process exits.
    func becomeCurrent() {
        LogStream.current.withLock { $0 = self }
        atexit { LogStream.flushCurrent() }
    }

    /// Writes the lines of the process's log so far, for what is written to standard error past it.
    static func flushCurrent() { current.withLock { $0 }?.flush() }

    private static let current = Mutex<LogStream?>(nil)

    /// Writes the lines until the deadline. Lines that nobody can read are dropped.
    ///
    /// - Returns: whether all are written or dropped, and none is left.
    private func write(_ output: inout Output, until deadline: ContinuousClock.Instant) -> Bool {
        guard writeBytes(&output, until: deadline) else { return false }
        output.bytes.removeAll(keepingCapacity: output.bytes.count <= LogStream.limit)
        output.written = 0
        return true
    }

    private func writeBytes(_ output: inout Output, until deadline: ContinuousClock.Instant) -> Bool {
        output.bytes.withUnsafeBytes { bytes in
            while output.written < bytes.count {
                var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                let rest = max(deadline - .now, .zero)
                let milliseconds = rest.components.seconds * 1000 + rest.components.attoseconds / 1_000_000_000_000_000
                switch poll(&readiness, 1, Int32(clamping: milliseconds)) {
                case 0: return false
                case ..<0:
                    if errno == EINTR { continue }
                    return true
                default: break
                }
                let size = min(bytes.count - output.written, LogStream.chunk)
                let count = Glibc.write(descriptor, bytes.baseAddress! + output.written, size)
                if count > 0 {
                    output.written += count
                } else if count < 0, errno == EAGAIN {
                    // A terminal may say that it is ready, and take nothing.
                    if deadline <= .now { return false }
                    poll(nil, 0, 1)
                } else if count == 0 || errno != EINTR {
                    return true
                }
            }
            return true
        }
    }

    /// Returns a descriptor of the same file that does not block, without a change for other processes that write to it. A pipe or terminal
    /// of another user cannot be opened again; then the descriptor itself no longer blocks if it is a terminal, which otherwise could stop
    /// a write for ever. A pipe takes a chunk when it is ready, and a file takes it always.
    private static func nonblocking(_ descriptor: Int32) -> Int32 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return descriptor }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFIFO || kind == S_IFCHR || kind == S_IFSOCK else { return descriptor }
        let again = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        if again >= 0 { return again }
        if kind != S_IFIFO { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
        return descriptor
    }

    /// The line about lines that were dropped.
    private func notice(of count: Int) -> [UInt8] {
        var line: [UInt8] = []
        let message = "Log lines were dropped: the reader of the log did not read"
        format.append(.warning, message, "autotask-worker", "autotask_worker", [("count", "\(count)")], to: &line)
        return line
    }

    /// Whether journald reads what is written to a descriptor (`systemd.exec(5)`, `JOURNAL_STREAM`).
    private static func isOfJournal(_ descriptor: Int32) -> Bool {
        guard let stream = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        var status = stat()
        return fstat(descriptor, &status) == 0 && stream == "\(status.st_dev):\(status.st_ino)"
    }

    private static var now: timespec {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        return moment
    }

    /// The time in UTC up to the point before the milliseconds.
    private static func stamp(_ second: time_t) -> [UInt8] {
        var (second, parts) = (second, tm())
        gmtime_r(&second, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = strftime(buffer.baseAddress!, buffer.count, "%Y-%m-%dT%H:%M:%S.", &parts)
            return buffer[..<count].map(UInt8.init(bitPattern:))
        }
    }
}
