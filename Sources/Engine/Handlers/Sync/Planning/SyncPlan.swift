import Autotask
import Contract
import Store

/// What has to be done for one service of the plan.
struct ServiceStep {
    /// Its place in the plan.
    let index: Int
    let desired: DesiredService
    /// As it was read; `nil` for one that is to be created.
    let service: Service?
    /// `nil` if there is nothing to do.
    let write: ServiceWrite?
    /// Made before ``write``, where the service has to give up its name to another before it can have its own: it takes a temporary one.
    var detour: ServiceWrite?
    /// Whether it has such a name, from an attempt that did not come to its end.
    var hasTemporaryName = false
    /// Once the write has succeeded.
    let outcome: ServiceOutcome
    var changes: [FieldChange] = []
    var overwritten: [FieldChange] = []
    var warnings: [Warning] = []
    /// Places of services whose names this one waits for.
    var prerequisites: [Int] = []

    var key: String { desired.key }
}

extension ServiceWrite {
    var operation: JournalEntry.Operation { id == nil ? .create : .update }

    /// Whether it sends a cost that shows once it is stored.
    var hasCost: Bool { (fields.unitCost ?? .zero) != .zero }
}

/// What the first phase comes to.
enum PlannedSync {
    /// Every service is valid: one step for each, in the plan's order, and the turns of those that write, in a safe order.
    case steps([ServiceStep], turns: [RenameOrder.Turn])
    /// By place: nothing may be written. The steps are what would be done for those that are valid.
    case invalid([Int: JobError], valid: [ServiceStep])
}
