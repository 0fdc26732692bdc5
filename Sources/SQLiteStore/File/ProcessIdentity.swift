import Glibc

/// The identity of a worker's process, so that others on the machine notice at once when it is gone.
///
/// A process id alone is not enough: ids are reused, every container has its own, and they start again with the machine. So the identity also
/// has the boot, the process namespace and the start time of the process (field 22 of `/proc/<pid>/stat`).
struct ProcessIdentity: Hashable, Sendable {
    let boot: String
    let namespace: String
    let id: Int32
    let startTime: String

    /// This process; `nil` if `/proc` does not identify it.
    static let current = ProcessIdentity(processID: getpid())

    init?(processID: Int32) {
        guard let boot = ProcessIdentity.boot, let namespace = ProcessIdentity.namespace,
            case .running(let startTime) = ProcessIdentity.sight(of: processID)
        else { return nil }
        self.boot = boot
        self.namespace = namespace
        self.id = processID
        self.startTime = startTime
    }

    /// Whether it is certain that the process has ended.
    var isGone: Bool {
        guard let boot = ProcessIdentity.boot, let namespace = ProcessIdentity.namespace else { return false }
        if self.boot != boot { return true }
        // Processes of another namespace cannot be seen from here: only their leases show whether they run.
        guard self.namespace == namespace else { return false }
        switch ProcessIdentity.sight(of: id) {
        case .running(let found): return found != startTime
        case .ended: return true
        // With hidepid, /proc hides processes that this one may not trace. The kernel still reports whether they exist.
        case .unseen: return kill(id, 0) != 0 && errno == ESRCH
        }
    }

    // MARK: As text, for the store

    var text: String { "\(boot) \(namespace) \(id) \(startTime)" }

    init?(text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 4, let id = Int32(parts[2]) else { return nil }
        boot = String(parts[0])
        namespace = String(parts[1])
        self.id = id
        startTime = String(parts[3])
    }

    // MARK: From the kernel

    private static let boot = firstLine(of: "/proc/sys/kernel/random/boot_id")

    private static let namespace: String? = {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private enum Sight {
        case running(startTime: String)
        /// A zombie: its parent has not collected it yet.
        case ended
        case unseen
    }

    private static func sight(of processID: Int32) -> Sight {
        // The second field is the program's name in parentheses, which may contain any character. Field 3 follows it.
        guard let line = firstLine(of: "/proc/\(processID)/stat"), let end = line.lastIndex(of: ")") else { return .unseen }
        let fields = line[line.index(after: end)...].split(separator: " ")
        guard fields.count > 19 else { return .unseen }
        return fields[0] == "Z" ? .ended : .running(startTime: String(fields[19]))
    }

    private static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 2048)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
        let line = buffer.prefix { $0 != 0 && $0 != CChar(bitPattern: UInt8(ascii: "\n")) }
        return String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
