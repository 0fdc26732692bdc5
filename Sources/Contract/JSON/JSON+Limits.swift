/// How much is read as JSON: what is beyond says nothing that the contract or Autotask have to say, and costs memory or time out of
/// proportion to its length.
extension JSON {
    /// How deep arrays and objects may nest. The contract's own messages reach 6.
    static let maximumDepth = 32
    /// How many values a text may hold, arrays and objects included. A page of 500 services holds 5,000; each takes 40 bytes of memory.
    package static let maximumValues = 1 << 20
    /// How long a number may be, in bytes.
    package static let maximumNumberLength = 1024
    /// How many combining marks may follow each other in a string. Comparing strings puts them into an order, which takes the square of
    /// their number.
    package static let maximumMarks = 256
}

extension String {
    /// Whether more combining marks follow each other than a string of JSON may have.
    var hasTooManyMarks: Bool {
        // Each has two bytes at least.
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
    /// Whether normalization may have to move it: it has a combining class, or is one of the three without that stand for others that have.
    fileprivate var isMark: Bool {
        guard value >= 0x300 else { return false }
        return properties.canonicalCombiningClass != .notReordered || [0x0F73, 0x0F75, 0x0F81].contains(value)
    }
}
