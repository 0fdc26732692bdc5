import Glibc
import Synchronization

/// Ends a socket on which a thread has been stuck for too long. The thread's blocking call then fails, and the thread continues.
///
/// It exists for librabbitmq's writes, which wait without limit for a peer that reads nothing.
final class SocketWatch: Sendable {
    private struct State {
        var socket: Int32?
        var busySince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// Called when the owner begins to use a socket. The descriptor must stay open until ``release()``.
    func guardSocket(_ socket: Int32) {
        state.withLock { $0 = State(socket: socket) }
    }

    /// Called before the owner closes the socket: its number may soon belong to another file.
    func release() {
        state.withLock { $0 = State() }
    }

    /// Called at the start of a turn, which may block.
    func enter(now: ContinuousClock.Instant) {
        state.withLock { $0.busySince = now }
    }

    /// Called at the end of a turn: the owner waits, or looks for work.
    func leave() {
        state.withLock { $0.busySince = nil }
    }

    /// Shuts the socket down if its owner has been in one turn for longer than `limit`.
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
