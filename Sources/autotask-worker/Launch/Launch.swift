import Confinement
import FoundationEssentials
import Glibc
import Synchronization

/// The arguments and the environment of the program, from before ``begin()`` erased the secrets in them.
struct Launch {
    private static let begun = Mutex<Launch?>(nil)

    /// A process that does not begin as the program, such as one that runs tests, has none: it keeps its own environment.
    static var current: Launch {
        guard let launch = begun.withLock({ $0 }) else { preconditionFailure("Launch.begin() was not called") }
        return launch
    }

    /// Hardens the process before anything else in the program: after that, other processes cannot read its secrets from it.
    static func begin() { begun.withLock { $0 = Launch() } }

    /// Without the program's name.
    let arguments: [String]
    let environment: [String: String]
    /// The protections that the platform does not allow. Safe to log.
    let obstacles: [String]

    private init() {
        Launch.occupyStandardStreams()
        var obstacles: [String] = []
        for protection in ProcessProtection.allCases {
            do { try protection.apply() } catch { obstacles.append(error.description) }
        }
        // Only the owner may access files that it creates.
        umask(0o077)
        // Copies: the originals are erased next.
        arguments = Array(CommandLine.arguments.dropFirst())
        environment = ProcessInfo.processInfo.environment
        do { try StartingMemory().eraseSecrets() } catch { obstacles.append(error.description) }
        self.obstacles = obstacles
    }

    /// Opens `/dev/null` for each closed standard stream. Otherwise the next file that is opened, perhaps the store, gets its number, and
    /// output is written into it.
    private static func occupyStandardStreams() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free number is this one. Writing to it fails, as it does for a closed stream.
            _ = open("/dev/null", O_RDONLY)
        }
    }
}
