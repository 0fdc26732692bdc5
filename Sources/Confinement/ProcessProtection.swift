import CLinux
import Glibc

/// What a process gives up for good, so that nobody gets at its memory or at rights through it.
package enum ProcessProtection: CaseIterable, Sendable {
    /// When it crashes, no core is written. (The limit alone does not bind a program that the kernel pipes cores to, see `core(5)`;
    /// ``isolation`` does.)
    case noCores
    /// Without privileges nobody traces it, not even the same user, or reads `/proc/PID/mem` and `/proc/PID/environ`; and it writes no core.
    case isolation
    /// Programs that it might start gain no rights that it does not have itself.
    case noNewPrivileges
    /// When it crashes, it ends at once. Swift's runtime would first have a backtrace written, with parts of the memory, to where the log goes;
    /// and that hangs in a process that is isolated.
    case noBacktraces

    /// - Throws: ``ConfinementError`` when the platform does not allow it.
    package func apply() throws(ConfinementError) {
        switch self {
        case .noCores:
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            try check("setrlimit(RLIMIT_CORE)", setrlimit(ProcessProtection.cores, &none))
        case .isolation: try check("prctl(PR_SET_DUMPABLE)", CLinux_set_dumpable(0))
        case .noBacktraces:
            for number in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] { signal(number, SIG_DFL) }
        case .noNewPrivileges: try check("prctl(PR_SET_NO_NEW_PRIVS)", CLinux_set_no_new_privileges())
        }
    }

    private static var cores: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_CORE.rawValue) }

    private func check(_ operation: String, _ status: Int32) throws(ConfinementError) {
        guard status == 0 else { throw ConfinementError(operation: operation, errno: errno, advice: nil) }
    }
}
