import Glibc

/// Bytes that must not outlive their use: a password, a tracking identifier, the text that they were sealed in.
///
/// It cannot be copied and has no description, so it does not slip into a log or an error by accident, and its memory is wiped when it goes.
package struct Secret: ~Copyable, @unchecked Sendable {
    // Unchecked because of the pointer. The memory belongs to this value alone, which cannot be copied, and is written in `init` and
    // `deinit` only.
    private let memory: UnsafeMutableBufferPointer<UInt8>
    /// How much of the memory is the secret.
    package let count: Int

    /// Copies the bytes. Whoever holds the original still holds it.
    package init(copying bytes: Span<UInt8>) {
        self.init(capacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    /// Has the bytes written where they are going to stay.
    ///
    /// - Parameters:
    ///   - capacity: how many bytes there are at most.
    ///   - write: appends them.
    package init<Failure: Error>(capacity: Int, _ write: (inout OutputSpan<UInt8>) throws(Failure) -> Void) throws(Failure) {
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
        var output = OutputSpan(buffer: memory, initializedCount: 0)
        do throws(Failure) { try write(&output) } catch {
            _ = output.finalize(for: memory)
            wipe(UnsafeMutableRawBufferPointer(memory))
            memory.deallocate()
            throw error
        }
        count = output.finalize(for: memory)
        self.memory = memory
    }

    /// Lends the bytes themselves.
    package borrowing func withBytes<Result, Failure: Error>(
        _ body: (_ bytes: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(memory.span.extracting(first: count))
    }

    /// Lends the bytes to what knows no spans: a C library, a cipher.
    package borrowing func withUnsafeBytes<Result, Failure: Error>(
        _ body: (_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count]))
    }

    deinit {
        wipe(UnsafeMutableRawBufferPointer(memory))
        memory.deallocate()
    }
}

/// A secret that several hold, and that goes when the last of them lets go of it.
package final class SecretReference: Sendable {
    private let secret: Secret

    package init(_ secret: consuming Secret) { self.secret = secret }

    package convenience init(copying bytes: Span<UInt8>) { self.init(Secret(copying: bytes)) }

    package var count: Int { secret.count }

    /// See ``Secret/withBytes(_:)``.
    package func withBytes<Result, Failure: Error>(
        _ body: (_ bytes: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withBytes(body)
    }

    /// See ``Secret/withUnsafeBytes(_:)``.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withUnsafeBytes(body)
    }
}

extension [UInt8] {
    /// Overwrites the elements. What shares their memory keeps them: wipe what has one holder.
    package mutating func wipe() { withUnsafeMutableBytes { Secrets.wipe($0) } }
}

/// Overwrites memory. Unlike `memset`, it is not optimised away because nobody reads the memory afterwards.
package func wipe(_ memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { return }
    explicit_bzero(start, memory.count)
}
