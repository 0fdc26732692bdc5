import Contract
import ServiceLifecycle

/// Waits that end when the program shuts down gracefully, or the task is cancelled.
///
/// ServiceLifecycle's `gracefulShutdown()` and `cancelWhenGracefulShutdown(_:)` wake their waiter through an unstructured task, which
/// leaves the executor of the waiting task. The simulation orders everything that runs, and could not order that.
enum ShutdownSignal {
    /// Whether the program shuts down, as far as the calling task knows.
    static var wasGiven: Bool { Task.isShuttingDownGracefully }

    /// Returns when the program shuts down.
    static func wait() async {
        let signal = WakeSignal()
        await withGracefulShutdownHandler {
            while await signal.wait() {}
        } onGracefulShutdown: {
            signal.close()
        }
    }
}

extension EngineClock {
    /// Returns at the moment, or earlier if the program shuts down.
    func sleepUnlessShutDown(until moment: Timestamp) async {
        await withTaskGroup { group in
            group.addTask { await self.sleep(until: moment) }
            group.addTask { await ShutdownSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
