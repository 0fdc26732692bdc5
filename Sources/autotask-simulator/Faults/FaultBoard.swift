import Contract
import Synchronization

/// The active faults, in the order in which they were added.
final class FaultBoard: Sendable {
    private let state = Mutex(State())

    private struct State {
        var entries: [Entry] = []
        var lastID = 0
        var hanging: [Int: [AsyncStream<Never>.Continuation]] = [:]
    }

    private struct Entry {
        let id: Int
        let fault: Fault
        var seen = 0
        var hits = 0
    }

    /// The faults that hit a call.
    struct Encounter: Sendable {
        var delay = Duration.zero
        var changes: [DatabaseChange] = []
        /// The first fault that is neither a latency nor a change.
        var fault: (id: Int, fault: Fault)?
        /// The kinds of all these faults, for the record of the call.
        var names: [String] = []
    }

    /// - Returns: the fault's id.
    func add(_ fault: Fault) -> Int {
        state.withLock { state in
            state.lastID += 1
            state.entries.append(Entry(id: state.lastID, fault: fault))
            return state.lastID
        }
    }

    /// Finds the faults that hit a call, and counts the hits.
    func meet(_ subject: Fault.Subject) -> Encounter {
        state.withLock { state in
            var encounter = Encounter()
            for index in state.entries.indices {
                let fault = state.entries[index].fault
                let isFurther = fault.kind != .latency && fault.kind != .change
                guard !(isFurther && encounter.fault != nil), state.entries[index].hits < fault.times ?? .max, fault.selects(subject)
                else { continue }
                state.entries[index].seen += 1
                guard state.entries[index].seen > fault.skip ?? 0 else { continue }
                state.entries[index].hits += 1
                encounter.names.append(fault.kind.rawValue)
                switch fault.kind {
                case .latency: encounter.delay += fault.delay
                case .change: if let change = fault.change { encounter.changes.append(change) }
                default: encounter.fault = (state.entries[index].id, fault)
                }
            }
            return encounter
        }
    }

    /// A stream without elements that ends when the fault is removed.
    func hang(on id: Int) -> (stream: AsyncStream<Never>, release: @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        let isInForce = state.withLock { state in
            guard state.entries.contains(where: { $0.id == id }) else { return false }
            state.hanging[id, default: []].append(continuation)
            return true
        }
        if !isInForce { continuation.finish() }
        return (stream, { continuation.finish() })
    }

    /// Removes one fault, or all, and releases the calls that hang on it.
    ///
    /// - Returns: whether a fault was removed.
    @discardableResult
    func remove(_ id: Int? = nil) -> Bool {
        let (found, released) = state.withLock { state in
            let gone = state.entries.filter { id == nil || $0.id == id }.map(\.id)
            state.entries.removeAll { gone.contains($0.id) }
            return (!gone.isEmpty, gone.flatMap { state.hanging.removeValue(forKey: $0) ?? [] })
        }
        for continuation in released { continuation.finish() }
        return found
    }

    var json: JSON {
        .array(
            state.withLock(\.entries).map { entry in
                [
                    "id": .integer(entry.id),
                    "kind": .string(entry.fault.kind.rawValue),
                    "database": entry.fault.database.map { .integer($0) } ?? .null,
                    "user": entry.fault.user.map(JSON.string) ?? .null,
                    "entity": entry.fault.entity.map(JSON.string) ?? .null,
                    "method": entry.fault.method.map(JSON.string) ?? .null,
                    "operation": entry.fault.operation.map(JSON.string) ?? .null,
                    "skip": .integer(entry.fault.skip ?? 0),
                    "times": entry.fault.times.map { .integer($0) } ?? .null,
                    "hits": .integer(entry.hits),
                ]
            }
        )
    }
}
