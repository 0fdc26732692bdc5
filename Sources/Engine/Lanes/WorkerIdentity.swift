import Contract
import Store
import Synchronization

/// Under which id this process holds its leases, and until when. The id changes only when the process was taken for dead and joins anew.
final class WorkerIdentity: Sendable {
    private let state: Mutex<(id: WorkerID, leaseEnd: Timestamp)>

    init(_ id: WorkerID) { state = Mutex((id, Timestamp(millisecondsSinceEpoch: 0))) }

    var current: WorkerID { state.withLock { $0.id } }

    /// Before this moment nobody takes over what the worker holds.
    var leaseEnd: Timestamp { state.withLock { $0.leaseEnd } }

    func become(_ id: WorkerID) { state.withLock { $0.id = id } }

    /// The store has the lease.
    func holdsLease(until end: Timestamp) { state.withLock { $0.leaseEnd = end } }
}
