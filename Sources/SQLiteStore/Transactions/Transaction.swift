import Store

/// One transaction of the writer. Extensions in separate files contain all changes that the store can make.
///
/// Their SQL runs on the writer's thread, between `BEGIN IMMEDIATE` and `COMMIT`.
final class Transaction {
    let connection: StoreConnection
    /// Chains the rows of the audit log; `nil` if the transaction adds none.
    let chain: AuditChain?
    /// Appends to the audit log; `nil` before the first row.
    var pen: AuditPen?
    /// Whether the transaction erased data that must also leave the log.
    var hasErased = false
    /// Whether it stores or takes over events that wait until the data that their reset erased has left the log.
    var awaitsErasure = false
    /// The worker of this process, if it joins.
    var joined: WorkerID?
    /// The rows that could not be read.
    var setAside: [SetAside] = []
    /// Whether the store has pauses; `nil` before the first look.
    var hasPauses: Bool?
    /// The lanes in which the present claim made a pause hold jobs.
    var heldLanes = 0
    /// The key that was looked up last and is not retired; `nil` before the first.
    var usableKey: String?
    /// The events that it stores, in order.
    var events: [OutboxEntry] = []

    /// How often it found that somebody had changed the end of the audit log.
    var brokenLogs = 0

    /// The last values of the counters that were used.
    private var counters: [StoredCounter: Int64] = [:]
    /// The counters that were read and not changed.
    private var unchanged: [StoredCounter: Int64] = [:]

    init(_ connection: StoreConnection, chain: AuditChain?) {
        self.connection = connection
        self.chain = chain
    }

    /// Returns the next value of a counter. This is cheaper than AUTOINCREMENT, which updates its table with every row.
    func next(_ counter: StoredCounter) throws -> Int64 {
        let next = try last(counter) + 1
        counters[counter] = next
        return next
    }

    func set(_ counter: StoredCounter, to value: Int64) { counters[counter] = value }

    func last(_ counter: StoredCounter) throws -> Int64 {
        if let last = counters[counter] ?? unchanged[counter] { return last }
        let last = try lastBefore(counter)
        unchanged[counter] = last
        return last
    }

    /// Returns the last value of a counter before the transaction.
    func lastBefore(_ counter: StoredCounter) throws -> Int64 {
        try connection.first("SELECT value FROM counters WHERE name = ?", counter.rawValue) { try $0.serial(0) } ?? 0
    }

    /// Saves counters and the end of the audit log. It is called once, before the commit.
    func finish() throws {
        for (counter, value) in counters {
            try connection.run("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", counter.rawValue, value)
        }
        try saveAuditHead()
    }
}

/// A number that rises over the whole store. No value is used twice.
enum StoredCounter: String {
    /// A job's place in the order of acceptance.
    case place
    /// An event's position in the outbox.
    case position
    /// A dead letter's id.
    case letter
    /// A lane's place in the line of lanes with work.
    case turn
    /// A pause's id.
    case pause
    /// The id of an operation over dead letters.
    case operation
    /// The first epoch of a new lane: 1, unless the store was restored (see ``StoreBackup``).
    case firstEpoch
    /// When a copy of the store was last made, in milliseconds since 1970.
    case lastBackup
}

extension StoreError {
    static func fenced() -> StoreError {
        StoreError(.fenced, "Another worker has taken over what this worker held.")
    }
}
