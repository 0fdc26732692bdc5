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

    /// Its warnings that stop the batch. What is not written stops nothing.
    func unacknowledged(_ acknowledged: Set<Acknowledgement>) -> [Warning] {
        guard write != nil else { return [] }
        return warnings.filter { warning in warning.needsAcknowledgement && !acknowledged.contains { $0.covers(warning) } }
    }
}

extension ServiceWrite {
    var operation: JournalEntry.Operation { id == nil ? .create : .update }

    /// Whether it sends a cost that shows once it is stored.
    var hasCost: Bool { (fields.unitCost ?? .zero) != .zero }
}

extension ServiceResult {
    /// What the step does with the service.
    mutating func take(_ step: ServiceStep) {
        outcome = step.outcome
        changes = step.changes
        overwritten = step.overwritten
        warnings = step.warnings
    }
}

extension JobError {
    /// So many warnings are named in a message.
    private static let named = 10

    /// Why a batch is not written: `nil` if nothing stands against it.
    init?(unacknowledgedOf steps: [ServiceStep], _ payload: SyncPayload) {
        let warnings = steps.flatMap { $0.unacknowledged(payload.acknowledged) }
        guard !warnings.isEmpty else { return nil }
        let names = warnings.prefix(JobError.named).map { "\"\(Acknowledgement($0))\"" }.joined(separator: ", ")
        let more = warnings.count > JobError.named ? " and \(warnings.count - JobError.named) more" : ""
        self.init(
            .acknowledgementNeeded,
            hint: "Look at the warnings. If they are meant, synchronize again with \(names)\(more) under acknowledge.",
            field: "data.acknowledge"
        )
    }
}
