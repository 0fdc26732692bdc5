import CLinux
import Glibc

/// A restriction that a process puts on itself for good. It keeps others from its memory, and from gaining rights through it.
package enum ProcessProtection: CaseIterable, Sendable {
    /// A crash writes no core. (The limit does not apply where the kernel pipes cores to a program, see `core(5)`; ``isolation`` covers
    /// that.)
    case noCores
    /// Unprivileged processes of any user can neither trace it nor read `/proc/PID/mem` and `/proc/PID/environ`. No core is written.
    case isolation
    /// Programs that it starts gain no rights beyond its own.
    case noNewPrivileges
    /// A crash ends it immediately. Otherwise Swift's runtime would write a backtrace, with parts of the memory, to the log. That also
    /// hangs in an isolated process.
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
