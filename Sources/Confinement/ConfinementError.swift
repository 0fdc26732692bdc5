import Glibc

/// The operating system refused a thread or a descriptor.
package struct ConfinementError: Error, CustomStringConvertible, Sendable {
    /// The call that failed, for example `pthread_create`.
    package let operation: String
    /// The system's error number.
    package let errno: Int32

    init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    /// Safe to log.
    package var description: String {
        "\(operation) failed: \(String(cString: strerror(errno))). Check the process's limits (ulimit -u, ulimit -n)."
    }
}
