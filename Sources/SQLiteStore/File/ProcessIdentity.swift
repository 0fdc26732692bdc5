import Glibc

/// Which process of this machine a worker is, so that others on the machine know at once when it is gone.
///
/// A process id alone would not do: ids are used again, every container counts its own, and a restart of the machine begins anew. Hence the
/// boot, the namespace that counts, and the moment the process was started (field 22 of `/proc/<pid>/stat`).
struct ProcessIdentity: Hashable, Sendable {
    let boot: String
    let namespace: String
    let id: Int32
    let startTime: String

    /// This process; `nil` where `/proc` does not tell.
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
        // Another namespace's processes cannot be seen from here: their leases tell.
        guard self.namespace == namespace else { return false }
        switch ProcessIdentity.sight(of: id) {
        case .running(let found): return found != startTime
        case .ended: return true
        // A process that cannot be traced is hidden where /proc is mounted with hidepid: whether there is one, the kernel tells even so.
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

    // MARK: What the kernel tells

    private static let boot = firstLine(of: "/proc/sys/kernel/random/boot_id")

    private static let namespace: String? = {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/pid", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private enum Sight {
        case running(startTime: String)
        /// A zombie: nobody has collected it yet.
        case ended
        case unseen
    }

    private static func sight(of processID: Int32) -> Sight {
        // The second field is the program's name in parentheses, which may hold anything; behind it follows field 3.
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
