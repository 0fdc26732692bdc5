import Glibc

/// The operating system refused a thread, a descriptor or a protection.
package struct ConfinementError: Error, CustomStringConvertible, Sendable {
    /// The call that failed, for example `pthread_create`.
    package let operation: String
    /// The system's error number.
    package let errno: Int32
    private let advice: String?

    init(operation: String, errno: Int32, advice: String? = "Check the process's limits (ulimit -u, ulimit -n).") {
        self.operation = operation
        self.errno = errno
        self.advice = advice
    }

    /// Safe to log.
    package var description: String {
        let failure = "\(operation) failed: \(String(cString: strerror(errno)))."
        return advice.map { failure + " " + $0 } ?? failure
    }
}
