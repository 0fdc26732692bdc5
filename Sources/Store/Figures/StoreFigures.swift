package import Contract

/// What a store holds at one moment, for gauges: the same from every worker of the store.
///
/// A figure is `nil` if there was no time to count it.
package struct StoreFigures: Hashable, Sendable {
    /// Unfinished jobs, without scheduled checks.
    package struct Jobs: Hashable, Sendable {
        /// They may run now.
        package var ready: Int
        package var running: Int
        /// They wait for the time of their next attempt.
        package var retrying: Int
        /// A pause holds them.
        package var paused: Int
        /// When the oldest of all was accepted.
        package var oldest: Timestamp?
    }

    package struct Lanes: Hashable, Sendable {
        /// There is nothing to do.
        package var idle: Int
        /// They have something to do, and wait for a free slot.
        package var inLine: Int
        /// They have nothing to do before some time.
        package var waiting: Int
        /// A worker holds them.
        package var held: Int
        /// A row of theirs cannot be read.
        package var setAside: Int

        package init(idle: Int, inLine: Int, waiting: Int, held: Int, setAside: Int) {
            self.idle = idle
            self.inLine = inLine
            self.waiting = waiting
            self.held = held
            self.setAside = setAside
        }
    }

    /// Things of which the oldest matters.
    package struct Backlog: Hashable, Sendable {
        package var count: Int
        package var oldest: Timestamp?

        package init(count: Int, oldest: Timestamp?) {
            self.count = count
            self.oldest = oldest
        }
    }

    package var jobs: Jobs?
    package var lanes: Lanes?
    /// By ``ConnectionRecord/Status``.
    package var connections: [String: Int]?
    /// By ``Contract/ServiceStatus``.
    package var services: [String: Int]?
    /// By reason.
    package var deadLetters: [String: Int]?
    /// Events that the broker has not confirmed.
    package var outbox: Backlog?
    /// Writes to Autotask whose outcome is not known.
    package var openWrites: Backlog?
    /// Pauses in force, by the first word of their scope.
    package var pauses: [String: Int]?
    /// By kind of scheduled check, when the first one is due.
    package var nextChecks: [String: Timestamp]?
    /// When a copy of the store was last made; 1970 if there is none.
    package var lastBackup: Timestamp?
    /// Bytes of the file, of its write-ahead log, and of free space on its disk.
    package var fileBytes: Int64 = 0
    package var logBytes: Int64 = 0
    package var freeBytes: Int64?

    package init() {}
}

extension StoreFigures.Jobs {
    package init(unfinished: Int, running: Int, retrying: Int, paused: Int, oldest: Timestamp?) {
        let paused = min(paused, max(unfinished - running, 0))
        let retrying = min(retrying, max(unfinished - running - paused, 0))
        self.init(
            ready: max(unfinished - running - retrying - paused, 0),
            running: running,
            retrying: retrying,
            paused: paused,
            oldest: oldest
        )
    }
}
