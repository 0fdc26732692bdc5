import Glibc
import Secrets
import Synchronization

/// A key ring in an environment variable, as its JSON text.
///
/// The variable is overwritten once it is read, so that neither `/proc/PID/environ` nor a child process shows it.
package struct EnvironmentKeyRing: KeyRingSource {
    package let name: String
    private let ring: Result<KeyRing, VaultError>
    /// The rings that were read, by name: each variable can be read only once.
    private static let taken = Mutex<[String: Result<KeyRing, VaultError>]>([:])

    /// - Parameter name: the name of the variable.
    package init(name: String) {
        self.name = name
        ring = EnvironmentKeyRing.taken.withLock { taken in
            if let ring = taken[name] { return ring }
            let ring = EnvironmentKeyRing.take(name)
            taken[name] = ring
            return ring
        }
    }

    package var description: String { "env:\(name)" }

    package func load() throws(VaultError) -> KeyRing { try ring.get() }

    private static func take(_ name: String) -> Result<KeyRing, VaultError> {
        guard let value = getenv(name) else {
            return .failure(
                VaultError(.keyRingUnusable, "The environment variable \(name) is not set: put the text of a key ring file there.")
            )
        }
        let memory = UnsafeMutableRawBufferPointer(start: value, count: strlen(value))
        defer {
            wipe(memory)
            unsetenv(name)
        }
        do throws(VaultError) { return .success(try KeyRing(parsing: Array(memory))) } catch {
            return .failure(
                VaultError(.keyRingUnusable, "The key ring in \(name) cannot be used. \(error.message)")
            )
        }
    }
}
