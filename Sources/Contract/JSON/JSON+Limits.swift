/// Limits of the JSON that the worker reads. No message of the contract or of Autotask reaches them; JSON beyond them costs memory or time
/// out of proportion to its length.
extension JSON {
    /// The maximum depth of nested arrays and objects. The contract's own messages reach 6.
    static let maximumDepth = 32
    /// The maximum number of values in a text, including arrays and objects. A page of 500 services holds 5,000; each takes 40 bytes of
    /// memory.
    package static let maximumValues = 1 << 20
    /// The maximum length of a number, in bytes.
    package static let maximumNumberLength = 1024
    /// The maximum number of combining marks in a row in a string. Comparing strings sorts them, in time that grows with the square of
    /// their number.
    package static let maximumMarks = 256
}

extension String {
    /// Whether the string has more combining marks in a row than JSON may have.
    var hasTooManyMarks: Bool {
        // Each mark has at least two bytes.
        guard utf8.count > 2 * JSON.maximumMarks, utf8.contains(where: { $0 >= 0x80 }) else { return false }
        var count = 0
        for scalar in unicodeScalars {
            count = scalar.isMark ? count + 1 : 0
            if count > JSON.maximumMarks { return true }
        }
        return false
    }
}

extension Unicode.Scalar {
    /// Whether normalization may have to move it: it has a combining class, or is one of the three without a class that decompose into
    /// marks with one.
    fileprivate var isMark: Bool {
        guard value >= 0x300 else { return false }
        return properties.canonicalCombiningClass != .notReordered || [0x0F73, 0x0F75, 0x0F81].contains(value)
    }
}
