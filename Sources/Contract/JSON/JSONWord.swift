/// Eight bytes of UTF-8, examined at once: most strings need nothing but a copy.
struct JSONWord {
    static let size = MemoryLayout<UInt64>.size

    /// The first byte is the lowest.
    private let bits: UInt64

    private init(_ bits: UInt64) { self.bits = bits }

    /// - Returns: `nil` if fewer than eight bytes follow.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) {
        guard bytes.count - position >= JSONWord.size else { return nil }
        bits = UInt64(littleEndian: unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// How many of the first bytes stand for themselves in a JSON string: none of these is a quote, a backslash or a control character.
    var plainCount: Int {
        let found = below(0x20) | equal(to: UInt8(ascii: "\"")) | equal(to: UInt8(ascii: "\\"))
        return found.trailingZeroBitCount / UInt8.bitWidth
    }

    /// Whether the first bytes are ASCII.
    func isASCII(first count: Int) -> Bool { (bits & JSONWord.highBits).trailingZeroBitCount / UInt8.bitWidth >= count }

    /// The lowest bit is in the first byte below a limit of at most 0x80; 0 if there is none. Later bits may be wrong, because a
    /// subtraction borrows from the byte behind.
    private func below(_ limit: UInt8) -> UInt64 { (bits &- JSONWord.eight(limit)) & ~bits & JSONWord.highBits }

    /// The same for the first byte that equals another.
    private func equal(to byte: UInt8) -> UInt64 { JSONWord(bits ^ JSONWord.eight(byte)).below(1) }

    private static let highBits = eight(0x80)

    private static func eight(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }
}
