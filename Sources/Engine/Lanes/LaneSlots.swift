import Store
import Synchronization

/// The slots for attempts of this worker.
///
/// Whoever claims lanes reserves free slots before, and releases those that it does not use. The loop of ``LaneRunner`` claims lanes in line,
/// and the intake claims lanes for jobs that it accepts.
final class LaneSlots: Sendable {
    private struct State {
        /// The number of attempts under way.
        var running = 0
        var reserved = 0
        /// Whether somebody found no slot because all free ones were reserved.
        var isAwaited = false
        /// Claimed lanes whose attempts have not begun.
        var handedOver: [LaneClaim] = []
    }

    private let state = Mutex(State())
    /// Woken when there may be something to claim.
    let line: WakeSignal
    /// Woken when claimed lanes were handed over.
    let arrivals = WakeSignal()

    init(line: WakeSignal) {
        self.line = line
    }

    /// The number of attempts under way.
    var running: Int { state.withLock { $0.running } }

    /// Reserves free slots.
    ///
    /// - Parameters:
    ///   - count: the maximum.
    ///   - limit: the number of slots.
    /// - Returns: how many were free, at most `count`.
    func reserve(upTo count: Int, of limit: Int) -> Int {
        state.withLock { state in
            let free = min(max(0, limit - state.running - state.reserved), count)
            if free == 0, state.reserved > 0 { state.isAwaited = true }
            state.reserved += free
            return free
        }
    }

    /// Uses some of the reserved slots, and releases the others.
    func use(_ count: Int, ofReserved reserved: Int) {
        let isAwaited = state.withLock { state in
            state.running += count
            state.reserved -= reserved
            defer { state.isAwaited = false }
            return state.isAwaited
        }
        if isAwaited { line.wake() }
    }

    /// Hands claimed lanes over to ``LaneRunner``. Their slots are in use already.
    func handOver(_ claims: [LaneClaim]) {
        guard !claims.isEmpty else { return }
        state.withLock { $0.handedOver += claims }
        arrivals.wake()
    }

    /// The claimed lanes that were handed over since the last call.
    func takeHandedOver() -> [LaneClaim] {
        state.withLock { state in
            defer { state.handedOver = [] }
            return state.handedOver
        }
    }

    /// An attempt has ended: its slot is free, and its lane may have more work.
    func free() {
        state.withLock { $0.running -= 1 }
        line.wake()
    }
}
