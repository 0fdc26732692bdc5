import Store

/// One transaction of the writer: everything that the store changes is an aspect of it, each in a file of its own.
///
/// The lines of SQL are the store's rules. They run on the writer's thread, within `BEGIN IMMEDIATE` and `COMMIT`.
final class Transaction {
    let connection: Connection
    /// What chains the audit log; `nil` where nothing is to be changed that has a row in it.
    let chain: AuditChain?
    /// Where the log is written on; `nil` before the first row.
    var pen: AuditPen?
    /// Whether something was erased, that must not remain in the log either.
    var hasErased = false
    /// Whether it stores, or takes over, events that wait until the data that their reset erased has left the log.
    var awaitsErasure = false
    /// The worker of this process, where it joins.
    var joined: WorkerID?
    /// What could not be read.
    var setAside: [SetAside] = []
    /// The events that it stores, in their order.
    var events: [OutboxEntry] = []

    /// The last values that were given out, of the counters that were asked.
    private var counters: [Counter: Int64] = [:]

    init(_ connection: Connection, chain: AuditChain?) {
        self.connection = connection
        self.chain = chain
    }

    /// The next value of a counter. It is cheaper than AUTOINCREMENT, which keeps its books at every row.
    func next(_ counter: Counter) throws -> Int64 {
        let next = try last(counter) + 1
        counters[counter] = next
        return next
    }

    func last(_ counter: Counter) throws -> Int64 {
        try counters[counter] ?? connection.first("SELECT value FROM counters WHERE name = ?", counter.rawValue) { $0.integer(0) } ?? 0
    }

    /// Called once, before the commit.
    func finish() throws {
        for (counter, value) in counters {
            try connection.run("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", counter.rawValue, value)
        }
        try saveAuditHead()
    }
}

/// What rises over the whole store, and is never used again.
enum Counter: String {
    /// A job's place in the order of acceptance.
    case place
    /// An event's position in the outbox.
    case position
    /// A dead letter's id.
    case letter
    /// A lane's place in the line of those that have something to do.
    case turn
    /// The epoch of a lane that is new: 1, unless the store was restored (see ``StoreBackup``).
    case firstEpoch
}

extension StoreError {
    static func fenced() -> StoreError {
        StoreError(.fenced, "What this worker held is another's by now.")
    }
}
