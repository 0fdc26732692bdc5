import Autotask
import Contract
import Store

/// What the worker wrote to a service and no event reports yet. A sync that finds these values in Autotask has found no edit of a person, and
/// reports what was there before.
///
/// The journal keeps them until the service is settled, also when a newer sync supersedes the one that wrote them.
struct OwnWrites {
    struct Write: Hashable {
        /// What Autotask showed of the written fields before; `nil` for a create. A value of an earlier write that no event reports is
        /// replaced by what was there before that write.
        var before: ManagedFields?
        var values: ManagedFields

        fileprivate func only(_ fields: [ManagedField]) -> Write { Write(before: before?.only(fields), values: values.only(fields)) }
    }

    /// The oldest first.
    private(set) var all: [Write]

    /// - Parameter entry: the service's entry in the journal; `nil` if it has none.
    init(_ entry: JournalEntry?) {
        let items = entry?.written.flatMap { try? JSON(parsing: $0) }?.array ?? []
        all = items.compactMap { item in
            item["values"]?.object.flatMap { ManagedFields(some: $0) }.map { values in
                Write(before: item["before"]?.object.flatMap { ManagedFields(some: $0) }, values: values)
            }
        }
    }

    /// The form for ``Store/JournalEntry/written``.
    var encoded: [UInt8]? {
        guard !all.isEmpty else { return nil }
        let items = all.map { write -> [UInt8] in
            var item = Array("{\"values\":".utf8) + write.values.encoded
            if let before = write.before { item += Array(",\"before\":".utf8) + before.encoded }
            return item + [UInt8(ascii: "}")]
        }
        return Array("[".utf8) + items.joined(separator: ",".utf8) + Array("]".utf8)
    }

    /// The values of the last write.
    var last: ManagedFields? { all.last?.values }

    /// Whether a service shows a value of the last write.
    func lastIsShown(by service: AutotaskService?) -> Bool {
        guard let service, let last else { return false }
        return !last.shown(by: service.fields, costs: .unknown).isEmpty
    }

    mutating func add(_ values: ManagedFields, over before: ManagedFields?) {
        if last != values { all.append(Write(before: before?.only(values.given), values: values)) }
    }

    /// Keeps only the values that Autotask shows. The others had no effect, or were replaced.
    mutating func keep(shownBy service: AutotaskService?) {
        guard let service else {
            all = []
            return
        }
        all = all.map { $0.only($0.values.shown(by: service.fields, costs: .unknown)) }.filter { !$0.values.given.isEmpty }
    }

    /// Returns the fields that were seen last in Autotask, with the values written since that it shows now.
    ///
    /// - Parameter createsOnly: whether only values of creates count.
    func applied(to last: ManagedFields, shown: ManagedFields, costs: CostVisibility, createsOnly: Bool = false) -> ManagedFields {
        var known = last
        for write in all where !createsOnly || write.before == nil {
            for field in write.values.shown(by: shown, costs: costs) { known[field] = shown[field] }
        }
        return known
    }

    /// Returns the fields as Autotask shows them, with the values before the writes that it shows.
    func undone(from shown: ManagedFields, costs: CostVisibility) -> ManagedFields {
        var fields = shown
        for write in all {
            guard let before = write.before else { continue }
            for field in write.values.shown(by: shown, costs: costs) { fields[field] = before[field] }
        }
        return fields
    }
}

extension ManagedFields {
    /// The fields whose values Autotask shows as they were written.
    fileprivate func shown(by shown: ManagedFields, costs: CostVisibility) -> [ManagedField] {
        let other = shown.differences(to: applied(to: shown), costs: costs)
        return given.filter { !other.contains($0) }
    }
}
