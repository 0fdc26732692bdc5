extension [UInt8] {
    /// Appends a field with its length before it, so that `ab`, `c` and `a`, `bc` do not come out alike.
    @inlinable package mutating func append(field: some Collection<UInt8>) {
        append(lengthOf: field)
        append(contentsOf: field)
    }

    /// Appends what stands before a field.
    @inlinable package mutating func append(lengthOf field: some Collection<UInt8>) {
        let count = UInt32(field.count)
        append(UInt8(truncatingIfNeeded: count >> 24))
        append(UInt8(truncatingIfNeeded: count >> 16))
        append(UInt8(truncatingIfNeeded: count >> 8))
        append(UInt8(truncatingIfNeeded: count))
    }
}
