import Contract
import Store
import Synchronization

/// Under which id this process holds its leases, and until when. The id changes only when the process was taken for dead and joins anew.
final class WorkerIdentity: Sendable {
    private let state: Mutex<(id: WorkerID, leaseEnd: Timestamp)>

    init(_ id: WorkerID) { state = Mutex((id, Timestamp(millisecondsSinceEpoch: 0))) }

    var current: WorkerID { state.withLock { $0.id } }

    /// Whether nobody can have taken over yet what was claimed under an id, by whichever clock: another's may be ahead by
    /// ``Clocks/tolerance``. What was claimed under an earlier id is another's, however good the present lease is.
    func holds(as id: WorkerID, at now: Timestamp) -> Bool {
        state.withLock { $0.id == id && now + Clocks.tolerance < $0.leaseEnd }
    }

    /// It holds nothing under the new id until ``holdsLease(until:)``.
    func become(_ id: WorkerID) { state.withLock { $0 = (id, Timestamp(millisecondsSinceEpoch: 0)) } }

    /// The store has the lease.
    func holdsLease(until end: Timestamp) { state.withLock { $0.leaseEnd = end } }
}
