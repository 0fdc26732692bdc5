extension [UInt8] {
    /// Appends a field after its length, so that `ab`, `c` and `a`, `bc` give different bytes.
    @inlinable package mutating func append(field: some Collection<UInt8>) {
        append(lengthOf: field)
        append(contentsOf: field)
    }

    /// Appends the length that precedes a field.
    @inlinable package mutating func append(lengthOf field: some Collection<UInt8>) {
        let count = UInt32(field.count)
        append(UInt8(truncatingIfNeeded: count >> 24))
        append(UInt8(truncatingIfNeeded: count >> 16))
        append(UInt8(truncatingIfNeeded: count >> 8))
        append(UInt8(truncatingIfNeeded: count))
    }
}
