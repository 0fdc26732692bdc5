import Confinement
import Foundation
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
}
