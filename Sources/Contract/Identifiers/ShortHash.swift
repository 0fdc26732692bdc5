/// A short name for a list of texts, the same in every run and version of the program: FNV-1a over 64 bits, as 16 hexadecimal digits.
///
/// It groups equal texts and separates different ones; it is not a proof of origin.
package struct ShortHash: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Parameter parts: `nil` and the empty text give different hashes, and so do `ab`, `c` and `a`, `bc`.
    package init(_ parts: [String?]) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for part in parts {
            take(part == nil ? 0 : 1)
            for byte in (part ?? "").utf8 { take(byte) }
            // No UTF-8 text holds this byte.
            take(0xFF)
        }
        let digits = String(hash, radix: 16)
        description = String(repeating: "0", count: 16 - digits.count) + digits
    }
}
