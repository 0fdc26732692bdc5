extension [UInt8] {
    /// Appends a field with its length before it, so that `ab`, `c` and `a`, `bc` do not come out alike.
    package mutating func append(field: some Collection<UInt8>) {
        append(lengthOf: field)
        append(contentsOf: field)
    }

    /// Appends what stands before a field.
    package mutating func append(lengthOf field: some Collection<UInt8>) {
        let count = UInt32(field.count)
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
}
