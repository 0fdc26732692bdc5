/// One record of an entity: its values in the order of the entity's fields, the id first.
struct Record: Hashable, Sendable {
    var values: [FieldValue]

    var id: Int64 { values[0].integer ?? 0 }

    subscript(field: some FieldName) -> FieldValue {
        get { values[field.rawValue] }
        set { values[field.rawValue] = newValue }
    }
}

/// The fields of an entity by name. The raw value of a case is its index in a record.
protocol FieldName: RawRepresentable<Int>, CaseIterable, Sendable {}

/// The records of one entity, in the order of their ids.
struct Table: Sendable {
    private(set) var records: [Record] = []

    subscript(id: Int64) -> Record? {
        let index = place(of: id)
        return index < records.count && records[index].id == id ? records[index] : nil
    }

    /// Adds a record, or replaces the one with its id.
    mutating func put(_ record: Record) {
        let index = place(of: record.id)
        if index < records.count, records[index].id == record.id {
            records[index] = record
        } else {
            records.insert(record, at: index)
        }
    }

    mutating func remove(_ id: Int64) {
        records.removeAll { $0.id == id }
    }

    /// The index of the first record whose id is not lower.
    private func place(of id: Int64) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
