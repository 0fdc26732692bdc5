import Confinement
import FoundationEssentials
import Glibc

/// The arguments and the environment of the program. The first use, which comes before anything else in the program, hardens the process:
/// after that, other processes cannot read its secrets from it.
struct Launch {
    static let current = Launch()

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
