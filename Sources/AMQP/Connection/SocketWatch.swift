import Glibc
import Synchronization

/// Ends a socket on which a thread has been stuck for too long. What the thread was blocked in then fails, and it goes on.
///
/// For librabbitmq's writes, which wait for a peer that takes nothing without a limit of their own.
final class SocketWatch: Sendable {
    private struct State {
        var socket: Int32?
        var busySince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// The owner begins to use a socket. The descriptor must stay open until ``release()``.
    func guardSocket(_ socket: Int32) {
        state.withLock { $0 = State(socket: socket) }
    }

    /// The owner is about to close the socket: its number may soon be another's.
    func release() {
        state.withLock { $0 = State() }
    }

    /// A turn begins that may block.
    func enter(now: ContinuousClock.Instant) {
        state.withLock { $0.busySince = now }
    }

    /// The turn is over; the owner waits, or looks for work.
    func leave() {
        state.withLock { $0.busySince = nil }
    }

    /// Shuts the socket down if its owner has been in one turn for longer than that.
    ///
    /// - Returns: whether it did.
    @discardableResult
    func check(now: ContinuousClock.Instant, limit: Duration) -> Bool {
        state.withLock { state in
            guard let socket = state.socket, let since = state.busySince, now - since > limit else { return false }
            shutdown(socket, Int32(SHUT_RDWR))
            state.busySince = nil
            return true
        }
    }
}
