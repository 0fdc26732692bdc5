import Contract
import Synchronization

/// Lets one loop wait until there is work for it, or a moment has come. A wake that comes while the loop is busy is not lost.
final class WakeSignal: Sendable {
    private struct State {
        var isAwake = false
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
        var alarm: Timestamp?
    }

    private let state = Mutex(State())

    func wake() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isAwake = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Ends every wait, now and later.
    func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    /// Returns once there was a wake since the last return, or the signal was closed, or the task was cancelled.
    ///
    /// - Returns: whether the loop is to continue.
    func wait() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.isAwake || state.isClosed || Task.isCancelled {
                        state.isAwake = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        return !state.withLock { $0.isClosed } && !Task.isCancelled
    }

    /// Notes the moment of an alarm.
    ///
    /// - Returns: whether no earlier alarm is set, so that a timer has to be started for this one.
    func takeAlarm(_ moment: Timestamp) -> Bool {
        state.withLock { state in
            if let alarm = state.alarm, alarm <= moment { return false }
            state.alarm = moment
            return true
        }
    }

    /// The alarm for `moment` has gone off.
    func alarmRang(_ moment: Timestamp) {
        state.withLock { if $0.alarm == moment { $0.alarm = nil } }
        wake()
    }
}
