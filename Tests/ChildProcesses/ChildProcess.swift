import CSpawn
package import Foundation
import Testing

/// A program that a test runs in parallel.
///
/// Foundation's `Process` lists the process's descriptors, and reads beyond the end of that list when there are more than about 1,300
/// of them. The tests together have more: it crashed.
package final class ChildProcess: Sendable {
    package let id: Int32
    /// The program's standard input.
    package let input: FileHandle
    /// The program's standard output and standard error.
    package let output: FileHandle

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: the program, which is looked up in `PATH`, and its arguments.
    ///   - directory: its working directory.
    ///   - mergesErrors: whether ``output`` includes standard error; otherwise that goes to the test's.
    package init(_ arguments: [String], in directory: URL? = nil, mergesErrors: Bool = false) throws {
        let (input, output) = try (ChildProcess.pipe(), ChildProcess.pipe())
        defer {
            close(input.read)
            close(output.write)
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        if mergesErrors { unsafe posix_spawn_file_actions_adddup2(&actions, output.write, STDERR_FILENO) }
        if let directory { unsafe posix_spawn_file_actions_addchdir_np(&actions, directory.path) }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)

        var texts = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe texts.forEach { unsafe free($0) } }
        var id: Int32 = 0
        let error = unsafe posix_spawnp(&id, arguments[0], &actions, nil, &texts, environ)
        self.id = id
        self.input = FileHandle(fileDescriptor: input.write, closeOnDealloc: true)
        self.output = FileHandle(fileDescriptor: output.read, closeOnDealloc: true)
        try #require(error == 0, "\(arguments[0]): \(String(cString: unsafe strerror(error)))")
    }

    /// Runs a program to its end.
    ///
    /// - Returns: its exit code, and its output.
    package static func run(
        _ arguments: [String],
        in directory: URL? = nil,
        mergesErrors: Bool = false
    ) throws -> (status: Int32, output: Data) {
        let process = try ChildProcess(arguments, in: directory, mergesErrors: mergesErrors)
        try process.input.close()
        let output = try process.output.readToEnd() ?? Data()
        return (process.waitUntilExit(), output)
    }

    package func send(_ signal: Int32) { kill(id, signal) }

    /// Waits for its end, on the caller's thread; may be called once.
    ///
    /// - Returns: its exit code, or the negative number of the signal that ended it.
    @discardableResult
    package func waitUntilExit() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }

    /// A pipe of which no other child inherits an end.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe2(&ends, O_CLOEXEC) == 0)
        return (ends[0], ends[1])
    }
}
