import Confinement
import FoundationEssentials
import Glibc

/// How the program was started. Whoever asks first, as the program does before anything else, has it hardened: from then on others learn
/// nothing of its secrets from the process itself.
struct Launch {
    static let current = Launch()

    /// Without the program's name.
    let arguments: [String]
    let environment: [String: String]
    /// What the platform does not allow. Safe to log.
    let obstacles: [String]

    private init() {
        Launch.occupyStandardStreams()
        var obstacles: [String] = []
        for protection in ProcessProtection.allCases {
            do { try protection.apply() } catch { obstacles.append(error.description) }
        }
        // What it makes is its owner's alone.
        umask(0o077)
        // Copies of their own: what they were read from is erased next.
        arguments = Array(CommandLine.arguments.dropFirst())
        environment = ProcessInfo.processInfo.environment
        do { try StartingMemory().eraseSecrets() } catch { obstacles.append(error.description) }
        self.obstacles = obstacles
    }

    /// Gives a standard stream that is closed a file that takes nothing: else the next file that is opened, a store perhaps, gets its number,
    /// and output is written into it.
    private static func occupyStandardStreams() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest number that is free is this one. Writing to it fails, as it does for a stream that is closed.
            _ = open("/dev/null", O_RDONLY)
        }
    }
}
