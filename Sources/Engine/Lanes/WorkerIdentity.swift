import Store
import Synchronization

/// Under which id this process holds its leases. It changes only when the process was taken for dead and joins anew.
final class WorkerIdentity: Sendable {
    private let id: Mutex<WorkerID>

    init(_ id: WorkerID) { self.id = Mutex(id) }

    var current: WorkerID { id.withLock { $0 } }

    func become(_ id: WorkerID) { self.id.withLock { $0 = id } }
}
