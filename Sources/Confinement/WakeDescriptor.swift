import CLinux
import Glibc

/// A file descriptor that becomes readable when another thread asks for attention: an `eventfd`.
///
/// A thread that waits in `poll` on a socket also polls this descriptor, so that it takes up new work immediately. `wake` may be called
/// from any thread, also before the owner polls: the request is kept.
package final class WakeDescriptor: Sendable {
    /// The descriptor to poll for `POLLIN`. It belongs to this object: do not close it.
    package let fileDescriptor: Int32

    /// - Throws: ``ConfinementError`` when the process has no descriptor left.
    package init() throws(ConfinementError) {
        fileDescriptor = CLinux_eventfd()
        guard fileDescriptor >= 0 else { throw ConfinementError(operation: "eventfd", errno: errno) }
    }

    deinit { close(fileDescriptor) }

    /// Makes the descriptor readable.
    package func wake() {
        var increment: UInt64 = 1
        // The only failure of a non-blocking eventfd is a full counter, and then it is readable already.
        _ = write(fileDescriptor, &increment, MemoryLayout<UInt64>.size)
    }

    /// Makes the descriptor unreadable again. The owner calls this after `poll` and before it looks for work, never after.
    package func clear() {
        var count: UInt64 = 0
        _ = read(fileDescriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Blocks the calling thread until ``wake()`` is called or the time is over.
    ///
    /// - Parameter milliseconds: how long to wait; negative waits without limit.
    /// - Returns: whether it was woken; the request is then cleared.
    @discardableResult
    package func wait(milliseconds: Int32 = -1) -> Bool {
        var descriptor = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, milliseconds) > 0 else { return false }
        clear()
        return true
    }
}
