import Glibc

/// Bytes that must not outlive their use: a password, a tracking identifier, or the plaintext that contained them.
///
/// It cannot be copied and has no description, so it does not get into a log or an error by accident. Its memory is wiped when it is destroyed.
package struct Secret: ~Copyable, @unchecked Sendable {
    // Unchecked because of the pointer. The memory belongs to this value alone, which cannot be copied. Only `init` and `deinit` write
    // it.
    private let memory: UnsafeMutableBufferPointer<UInt8>
    /// The length of the secret in the memory.
    package let count: Int

    /// Copies the bytes. The original remains.
    package init(copying bytes: Span<UInt8>) {
        self.init(capacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    /// Lets a function write the bytes directly to their final place.
    ///
    /// - Parameters:
    ///   - capacity: the maximum number of bytes.
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

    /// Lends the bytes to code without spans, such as a C library or a cipher.
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

/// A secret with several holders. It is destroyed when the last one releases it.
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
    /// Overwrites the elements. Copies that share their memory keep them, so wipe only an array with one holder.
    package mutating func wipe() { withUnsafeMutableBytes { Secrets.wipe($0) } }
}

/// Overwrites memory. Unlike `memset`, it is not optimised away if the memory is not read afterwards.
package func wipe(_ memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { return }
    explicit_bzero(start, memory.count)
}
