import Contract
import Store
import Synchronization

/// The id under which this process holds its lease, and the lease's end. The id changes only when the process was taken for dead and joins
/// again.
final class WorkerIdentity: Sendable {
    private let state: Mutex<(id: WorkerID, leaseEnd: Timestamp)>

    init(_ id: WorkerID) { state = Mutex((id, Timestamp(millisecondsSinceEpoch: 0))) }

    var current: WorkerID { state.withLock { $0.id } }

    var leaseEnd: Timestamp { state.withLock { $0.leaseEnd } }

    /// Whether no other worker can have taken over what was claimed under an id. Another worker's clock may be ahead by
    /// ``Clocks/tolerance``. What was claimed under an earlier id belongs to others, even while the present lease is valid.
    func holds(as id: WorkerID, at now: Timestamp) -> Bool {
        state.withLock { $0.id == id && now + Clocks.tolerance < $0.leaseEnd }
    }

    /// Changes the id. The worker holds nothing under the new one until ``holdsLease(until:)``.
    func become(_ id: WorkerID) { state.withLock { $0 = (id, Timestamp(millisecondsSinceEpoch: 0)) } }

    /// Notes the end of the lease that the store has recorded.
    func holdsLease(until end: Timestamp) { state.withLock { $0.leaseEnd = end } }
}
