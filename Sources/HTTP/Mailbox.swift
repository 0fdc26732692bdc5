import Synchronization

/// Where callers on any thread hand in exchanges, and the transfer loop takes them up.
///
/// The loop is woken only if it rests: under load it finds new work by itself, and most requests cost no system call for the hand-over.
final class Mailbox: Sendable {
    /// What the loop has to do in one turn.
    struct Work {
        /// To be sent: each has a slot, which ``Mailbox/release(_:)`` gives back.
        var admitted: [Exchange] = []
        /// To be given up, if they are still in flight.
        var cancelled: [Exchange] = []

        var isEmpty: Bool { admitted.isEmpty && cancelled.isEmpty }
    }

    private struct State {
        var admission: Admission<Exchange>
        var work = Work()
        var isResting = false
        var isClosing = false

        /// - Returns: whether the loop has to be woken.
        mutating func endRest() -> Bool {
            defer { isResting = false }
            return isResting
        }
    }

    private let state: Mutex<State>
    private let wake: @Sendable () -> Void

    /// - Parameter wake: ends the rest of the loop.
    init(limit: Int, endpointLimit: Int, wake: @escaping @Sendable () -> Void) {
        state = Mutex(State(admission: Admission(limit: limit, endpointLimit: endpointLimit)))
        self.wake = wake
    }

    // MARK: For callers

    /// Hands in an exchange whose caller waits.
    ///
    /// - Returns: whether it was taken. A mailbox that closes takes none.
    func submit(_ exchange: Exchange) -> Bool {
        let (isTaken, mustWake) = state.withLock { state in
            guard !state.isClosing else { return (false, false) }
            guard state.admission.enter(exchange, at: exchange.destination.endpoint) else { return (true, false) }
            state.work.admitted.append(exchange)
            return (true, state.endRest())
        }
        if mustWake { wake() }
        return isTaken
    }

    /// Asks the loop to give up an exchange that it has taken up.
    func abandon(_ exchange: Exchange) {
        let mustWake = state.withLock { state in
            state.work.cancelled.append(exchange)
            return state.endRest()
        }
        if mustWake { wake() }
    }

    /// Asks the loop to end.
    func requestClose() {
        let mustWake = state.withLock { state in
            state.isClosing = true
            return state.endRest()
        }
        if mustWake { wake() }
    }

    // MARK: For the loop

    /// Takes what is to be done now; `nil` once the loop is to end.
    func take() -> Work? {
        state.withLock { state in
            state.isResting = false
            guard !state.isClosing else { return nil }
            defer { state.work = Work() }
            return state.work
        }
    }

    /// Gives back slots, one for each endpoint named. Who waited for them is in the next ``take()``.
    func release(_ endpoints: [String]) {
        state.withLock { state in
            for endpoint in endpoints { state.work.admitted += state.admission.leave(endpoint) }
        }
    }

    /// - Returns: whether there is nothing to do, so that the loop may sleep: whoever hands in something from now on will wake it.
    func rest() -> Bool {
        state.withLock { state in
            state.isResting = state.work.isEmpty && !state.isClosing
            return state.isResting
        }
    }

    /// Takes no more.
    ///
    /// - Returns: what was handed in and never taken up.
    func close() -> [Exchange] {
        state.withLock { state in
            state.isClosing = true
            defer { state.work = Work() }
            return state.work.admitted + state.admission.removeWaiting()
        }
    }
}
