import Contract
import ServiceLifecycle

/// Waiting that ends when the program is told to finish, or the task is cancelled.
///
/// ServiceLifecycle's `gracefulShutdown()` and `cancelWhenGracefulShutdown(_:)` wake their waiter through an unstructured task, which leaves
/// the executor of the task that waits: a simulation, which orders everything that runs, could not order that.
enum ShutdownSignal {
    /// Whether the program is told to finish, as the calling task knows it.
    static var wasGiven: Bool { Task.isShuttingDownGracefully }

    /// Returns when the program is told to finish.
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
    /// Returns at the moment, or when the program is told to finish before.
    func sleepUnlessShutDown(until moment: Timestamp) async {
        await withTaskGroup { group in
            group.addTask { await self.sleep(until: moment) }
            group.addTask { await ShutdownSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
