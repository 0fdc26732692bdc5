import Glibc
import Synchronization

/// Shows long output on a terminal page by page: with `$PAGER`, otherwise with `less` if it is there.
///
/// `less -FRX` ends at once if everything fits on the screen, shows styles, and leaves the text on the screen.
enum Pager {
    /// The process id of the pager; 0 for none.
    private static let process = Atomic<Int32>(0)

    static var isActive: Bool { process.load(ordering: .relaxed) != 0 }

    /// Sends standard output through a pager from now on. It does nothing if standard output is no terminal, or if there is no pager.
    ///
    /// The pager is a shell command, as in other programs that know `$PAGER`. It starts without the standard output being changed for
    /// anything that was written before.
    static func begin() {
        guard !isActive, Terminal.isScreen, let command else { return }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return }
        let (reader, writer) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(reader) }
        let screen = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        guard screen >= 0, let pager = start(command, reading: reader), dup2(writer, STDOUT_FILENO) >= 0 else {
            close(writer)
            return
        }
        close(writer)
        Terminal.becomePaged(screen: screen)
        process.store(pager, ordering: .relaxed)
        // The pager acts on ctrl-C. When the person leaves it early, a write fails with EPIPE.
        signal(SIGINT, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        atexit { Pager.end() }
    }

    /// Waits until the person leaves the pager. If the shell could not start it, nothing was shown, and the process ends with 69.
    static func end() {
        let pager = process.exchange(0, ordering: .relaxed)
        guard pager != 0 else { return }
        close(STDOUT_FILENO)
        var status: Int32 = 0
        while waitpid(pager, &status, 0) < 0, errno == EINTR {}
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 0
        guard code == 126 || code == 127 else { return }
        Terminal.complain("The pager could not be started (exit code \(code)).\nCorrect PAGER, or add --no-pager.")
        _exit(Failure.Status.unavailable.rawValue)
    }

    /// The pager's command; `nil` for none.
    private static var command: String? {
        guard let chosen = getenv("PAGER").map({ String(cString: $0) }) else { return isThere("less") ? "exec less -FRX" : nil }
        return chosen.isEmpty || chosen == "cat" ? nil : chosen
    }

    private static func isThere(_ program: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }

    /// - Returns: the process id; `nil` if it cannot be started.
    private static func start(_ command: String, reading reader: Int32) -> Int32? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, reader, STDIN_FILENO)
        var words = ["sh", "-c", command].map { (word: String) -> UnsafeMutablePointer<CChar>? in strdup(word) } + [nil]
        defer { for word in words { free(word) } }
        var pager: pid_t = 0
        return posix_spawn(&pager, "/bin/sh", &actions, nil, &words, environ) == 0 ? pager : nil
    }
}
