import Autotask
import Contract
import Store

/// The work to do for one service of the plan.
struct ServiceStep {
    /// Its plan index.
    let index: Int
    let desired: DesiredService
    /// As it was read; `nil` for one that is to be created.
    let service: AutotaskService?
    /// `nil` if there is nothing to do.
    let write: ServiceWrite?
    /// A rename to a temporary name before ``write``, for a service that has to give up its name before it can take its new one.
    var detour: ServiceWrite?
    /// `nil` for a service that is to be created, and for one that needs nothing.
    var history: ServiceHistory?
    /// The outcome once the write has succeeded.
    let outcome: ServiceOutcome
    var changes: [FieldChange] = []
    var overwritten: [FieldChange] = []
    var warnings: [Warning] = []
    /// Plan indices of services whose names this one waits for.
    var prerequisites: [Int] = []

    var key: String { desired.key }

    /// Whether it has a temporary name from an interrupted attempt.
    var hasTemporaryName: Bool { history?.hasTemporaryName ?? false }

    /// Its warnings that stop the batch. A step without a write stops nothing.
    func unacknowledged(_ acknowledged: Set<Acknowledgement>) -> [Warning] {
        guard write != nil else { return [] }
        return warnings.filter { warning in warning.needsAcknowledgement && !acknowledged.contains { $0.covers(warning) } }
    }
}

extension ServiceWrite {
    var operation: JournalEntry.Operation { id == nil ? .create : .update }

    /// Whether it sends a cost other than zero, which shows once it is stored.
    var hasCost: Bool { (fields.unitCost ?? .zero) != .zero }
}

extension ServiceResult {
    /// Takes outcome, changes and warnings from a step.
    mutating func take(_ step: ServiceStep) {
        outcome = step.outcome
        changes = step.changes
        overwritten = step.overwritten
        warnings = step.warnings
    }
}

extension JobError {
    /// The maximum number of warnings that a hint names.
    private static let named = 10

    /// The error of a batch with unacknowledged warnings; `nil` if it has none.
    init?(unacknowledgedOf steps: [ServiceStep], _ payload: SyncPayload) {
        let warnings = steps.flatMap { $0.unacknowledged(payload.acknowledged) }
        guard !warnings.isEmpty else { return nil }
        let names = warnings.prefix(JobError.named).map { "\"\(Acknowledgement($0))\"" }.joined(separator: ", ")
        let more = warnings.count > JobError.named ? " and \(warnings.count - JobError.named) more" : ""
        self.init(
            .acknowledgementNeeded,
            hint: "Check the warnings. To accept them, synchronize again with \(names)\(more) under acknowledge.",
            field: "data.acknowledge"
        )
    }
}
