import Confinement
import Glibc
import Logging
import Synchronization

/// Where log lines go: they are collected for some milliseconds, and written together by a thread of their own.
///
/// A warning or worse is written before ``append(_:at:)`` returns, with all earlier lines. So are the lines of a process that exits. A
/// process that is killed loses the lines of its last 10 ms below that level.
final class LogStream: Sendable {
    private struct Pending {
        var lines: [UInt8] = []
        /// Whether the thread waits for a line.
        var isResting = false
        /// The time of the lines, formatted once a second.
        var stamp = (second: -1, text: [UInt8]())
    }

    /// How long lines are collected, in milliseconds.
    private static let pause: Int32 = 10
    /// Whoever appends more than this writes it, and waits for a slow reader of the log.
    private static let limit = 1 << 20

    private let descriptor: Int32
    private let pending = Mutex(Pending())
    /// Held while lines are written, so that they stay in order. It is taken before `pending`.
    private let output = Mutex([UInt8]())
    private let wake: WakeDescriptor

    /// - Throws: `ConfinementError` if the system refuses the thread.
    init(_ descriptor: Int32) throws(ConfinementError) {
        self.descriptor = descriptor
        wake = try WakeDescriptor()
        try ConfinedThread.start(name: "log") { [self] in
            while true {
                let isEmpty = pending.withLock { pending in
                    pending.isResting = pending.lines.isEmpty
                    return pending.isResting
                }
                if isEmpty { wake.wait() }
                poll(nil, 0, LogStream.pause)
                flush()
            }
        }
    }

    func append(_ line: [UInt8], at level: Logger.Level) {
        let second = time(nil)
        let (mustFlush, mustWake) = pending.withLock { pending in
            if pending.stamp.second != second { pending.stamp = (second, LogStream.stamp(second)) }
            pending.lines.append(contentsOf: pending.stamp.text)
            pending.lines.append(contentsOf: line)
            // The thread goes on resting if the lines are written here.
            guard level < .warning, pending.lines.count <= LogStream.limit else { return (true, false) }
            defer { pending.isResting = false }
            return (false, pending.isResting)
        }
        if mustFlush { flush() }
        if mustWake { wake.wake() }
    }

    /// Writes the lines so far. It waits as long as the reader of the log makes it wait.
    func flush() {
        output.withLock { output in
            pending.withLock { swap(&$0.lines, &output) }
            output.withUnsafeBytes(write)
            output.removeAll(keepingCapacity: output.count <= LogStream.limit)
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

    /// Lines that nobody can read are dropped.
    private func write(_ bytes: UnsafeRawBufferPointer) {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count > 0 {
                written += count
            } else if count == 0 {
                return
            } else if errno == EAGAIN {
                var readiness = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&readiness, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }

    /// The time as swift-log's stream handlers write it, and a space.
    private static func stamp(_ second: time_t) -> [UInt8] {
        var (second, local) = (second, tm())
        localtime_r(&second, &local)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = strftime(buffer.baseAddress!, buffer.count, "%Y-%m-%dT%H:%M:%S%z ", &local)
            return buffer[..<count].map(UInt8.init(bitPattern:))
        }
    }
}
