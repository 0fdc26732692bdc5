import Contract
import Store

/// One transaction of the writer: everything that the store changes is an aspect of it, each in a file of its own.
///
/// The lines of SQL are the store's rules. They run on the writer's thread, within `BEGIN IMMEDIATE` and `COMMIT`.
final class Transaction {
    let connection: Connection
    /// Whether something was erased, that must not remain in the log either.
    var hasErased = false
    /// The events that it stores, in their order.
    var events: [OutboxEntry] = []

    /// The last place in line that was given out, once one was.
    private var turn: Int64?

    init(_ connection: Connection) { self.connection = connection }

    /// A place at the end of the line of lanes that have something to do.
    func nextTurn() throws -> Int64 {
        let last = try turn ?? connection.first("SELECT value FROM counters WHERE name = 'turn'") { $0.integer(0) } ?? 0
        turn = last + 1
        return last + 1
    }

    /// Called once, before the commit.
    func finish() throws {
        guard let turn else { return }
        try connection.run("UPDATE counters SET value = ? WHERE name = 'turn'", turn)
    }
}

extension StoreError {
    static func fenced(file: String = #fileID, line: Int = #line) -> StoreError {
        StoreError(.fenced, "What this worker held is another's by now.", file: file, line: line)
    }
}
