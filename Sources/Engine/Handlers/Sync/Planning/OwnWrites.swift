import Autotask
import Contract
import Store

/// What the worker wrote to a service and has not reported yet. A sync that finds these values in Autotask has found no edit.
///
/// The journal keeps them until the service is settled, also when a newer sync supersedes the one that wrote them.
struct OwnWrites {
    /// The values of each write, oldest first.
    private(set) var all: [ManagedFields]

    /// - Parameter entry: the service's entry in the journal; `nil` if it has none.
    init(_ entry: JournalEntry?) {
        let items = entry?.written.flatMap { try? JSON(parsing: $0) }?.array ?? []
        all = items.compactMap { $0.object.flatMap { ManagedFields(some: $0) } }
    }

    /// The form for ``Store/JournalEntry/written``.
    var encoded: [UInt8]? {
        all.isEmpty ? nil : Array("[".utf8) + all.map(\.encoded).joined(separator: ",".utf8) + Array("]".utf8)
    }

    /// The values of the last write.
    var last: ManagedFields? { all.last }

    mutating func add(_ fields: ManagedFields) { if all.last != fields { all.append(fields) } }

    /// Keeps only the values that Autotask shows. The others had no effect, or were replaced.
    mutating func keep(shownBy service: AutotaskService?) {
        guard let service else {
            all = []
            return
        }
        all = all.map { $0.only($0.shown(by: service.fields, costs: .unknown)) }.filter { !$0.given.isEmpty }
    }

    /// Returns the fields that were seen last in Autotask, with the values written since that it shows now.
    func applied(to last: ManagedFields, shown: ManagedFields, costs: CostVisibility) -> ManagedFields {
        var known = last
        for written in all { for field in written.shown(by: shown, costs: costs) { known[field] = shown[field] } }
        return known
    }
}

extension ManagedFields {
    /// The fields whose values Autotask shows as they were written.
    fileprivate func shown(by shown: ManagedFields, costs: CostVisibility) -> [ManagedField] {
        let other = shown.differences(to: applied(to: shown), costs: costs)
        return given.filter { !other.contains($0) }
    }
}
