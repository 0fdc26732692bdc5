import Glibc

/// Bytes that must not outlive their use: a password, a tracking identifier.
///
/// It cannot be copied and has no description, so it does not slip into a log or an error by accident, and its memory is wiped when it goes.
package struct Secret: ~Copyable, @unchecked Sendable {
    // Unchecked because of the pointer. The memory belongs to this value alone, which cannot be copied, and is written in `init` and
    // `deinit` only.
    private let memory: UnsafeMutableRawBufferPointer

    /// Copies the bytes. Whoever holds the original still holds it.
    package init(copying bytes: [UInt8]) {
        memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        memory.copyBytes(from: bytes)
    }

    /// Lends a copy of the bytes, which is wiped when `body` returns. What `body` itself keeps of it stays.
    package borrowing func withBytes<Result, Failure: Error>(
        _ body: (_ bytes: [UInt8]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var lent = Array(memory)
        defer { lent.withUnsafeMutableBytes(Secret.wipe) }
        return try body(lent)
    }

    deinit {
        Secret.wipe(memory)
        memory.deallocate()
    }

    private static func wipe(_ memory: UnsafeMutableRawBufferPointer) {
        guard let start = memory.baseAddress else { return }
        // Unlike memset, it is not optimised away because nobody reads the memory afterwards.
        explicit_bzero(start, memory.count)
    }
}
