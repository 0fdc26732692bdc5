import Synchronization

/// Passes exchanges from callers on any thread to the transfer loop.
///
/// It wakes the loop only if the loop rests. Under load, the loop finds new work on its own, so most requests need no system call for the
/// hand-over.
final class Mailbox: Sendable {
    /// The work of the loop in one turn.
    struct Work {
        /// The exchanges to send: each has a slot, which ``Mailbox/release(_:)`` releases.
        var admitted: [Exchange] = []
        /// The exchanges to abandon if they are still in flight.
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

    /// - Parameter wake: wakes the loop.
    init(limit: Int, endpointLimit: Int, wake: @escaping @Sendable () -> Void) {
        state = Mutex(State(admission: Admission(limit: limit, endpointLimit: endpointLimit)))
        self.wake = wake
    }

    /// The exchanges that have a slot, and those that wait for one.
    var load: (active: Int, waiting: Int) { state.withLock { ($0.admission.inFlight, $0.admission.waiting) } }

    // MARK: For callers

    /// Submits an exchange whose caller waits.
    ///
    /// - Returns: whether it was accepted. A closing mailbox accepts none.
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

    /// Asks the loop to abandon an exchange that it has taken.
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

    /// Takes the work for this turn; `nil` when the loop has to end.
    func take() -> Work? {
        state.withLock { state in
            state.isResting = false
            guard !state.isClosing else { return nil }
            defer { state.work = Work() }
            return state.work
        }
    }

    /// Releases slots, one for each endpoint given. The next ``take()`` returns the exchanges that waited for them.
    func release(_ endpoints: [String]) {
        state.withLock { state in
            for endpoint in endpoints { state.work.admitted += state.admission.leave(endpoint) }
        }
    }

    /// - Returns: whether there is nothing to do, so that the loop may sleep. A later submission wakes it.
    func rest() -> Bool {
        state.withLock { state in
            state.isResting = state.work.isEmpty && !state.isClosing
            return state.isResting
        }
    }

    /// Closes the mailbox.
    ///
    /// - Returns: the exchanges that were submitted and never taken.
    func close() -> [Exchange] {
        state.withLock { state in
            state.isClosing = true
            defer { state.work = Work() }
            return state.work.admitted + state.admission.removeWaiting()
        }
    }
}
