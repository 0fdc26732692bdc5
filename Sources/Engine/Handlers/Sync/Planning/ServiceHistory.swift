import Autotask
import Contract
import Store

/// What happened to a service's fields since events last reported them: by the worker's own writes, and by persons in Autotask.
struct ServiceHistory {
    /// As Autotask shows them.
    let current: ManagedFields
    /// As Autotask showed them before the worker's writes that no event reports yet.
    let before: ManagedFields
    /// The values seen by the last sync, and the worker's own values that Autotask shows now; `nil` if the service was never synced. They are no edits.
    let known: ManagedFields?
    /// Whether the service has a temporary name from an interrupted attempt.
    let hasTemporaryName: Bool
    /// The values of ``known`` without the writes that ``before`` is without.
    private let reference: ManagedFields?
    private let costs: CostVisibility
    private let metadata: ServiceFields

    /// - Parameters:
    ///   - last: the values seen by the last sync; `nil` if the service was never synced.
    ///   - writes: the worker's writes that no event reports yet.
    ///   - temporary: the service's temporary name.
    ///   - target: what the plan wants.
    init(
        _ current: ManagedFields,
        last: ManagedFields?,
        _ writes: OwnWrites,
        temporary: TemporaryName,
        target: ManagedFields,
        costs: CostVisibility,
        _ metadata: ServiceFields
    ) {
        self.current = current
        self.costs = costs
        self.metadata = metadata
        hasTemporaryName = temporary.isUsed(in: current.name) && !NameKey.looksAlike(current.name, target.name)
        var before = writes.undone(from: current, costs: costs)
        var known = last.map { writes.applied(to: $0, shown: current, costs: costs) }
        if hasTemporaryName {
            // An exchange of names that stopped half way is reported as one change: from the name before it.
            let origin = temporary.isUsed(in: before.name) ? last?.name : before.name
            if let origin { before[.name] = .text(origin) }
            if let last { known?[.name] = last[.name] }
        }
        self.before = before
        self.known = known
        reference = last.map { writes.applied(to: $0, shown: current, costs: costs, createsOnly: true) }
    }

    /// What the worker's earlier writes changed and overrode, without a temporary name that the service has now.
    var unreported: (changes: [FieldChange], overwritten: [FieldChange]) {
        let changes = changes(to: current).filter { !hasTemporaryName || $0.field != ManagedField.name.contractName }
        return (changes, overwritten(by: current))
    }

    /// The changes since events last reported the service. A field that gets back what it was before the worker's own writes counts as changed
    /// from what Autotask shows.
    func changes(to target: ManagedFields) -> [FieldChange] {
        let changed = before.differences(to: target, costs: costs)
        let written = current.differences(to: target, costs: costs)
        var from = before
        for field in written where !changed.contains(field) { from[field] = current[field] }
        return from.changes(of: ManagedField.allCases.filter { changed.contains($0) || written.contains($0) }, to: target, metadata)
    }

    /// The edits of persons that are overridden when the service becomes `target`, or that the worker's own writes have overridden already.
    func overwritten(by target: ManagedFields) -> [FieldChange] {
        let edited = edits(in: before, since: reference)
        return before.changes(of: before.differences(to: target, costs: costs).filter(edited.contains), to: target, metadata)
    }

    /// Whether `target` overrides an edit that Autotask still shows.
    func overridesPresentEdit(_ target: ManagedFields) -> Bool {
        let edited = edits(in: current, since: known)
        return current.differences(to: target, costs: costs).contains(where: edited.contains)
    }

    private func edits(in fields: ManagedFields, since last: ManagedFields?) -> [ManagedField] {
        guard let last else { return [] }
        let differing = fields.differences(to: last, costs: last.unitCost == nil ? .hidden : costs)
        // A temporary name is no edit.
        return hasTemporaryName && fields.name == current.name ? differing.filter { $0 != .name } : differing
    }
}
