import FoundationEssentials
import Glibc
import Telemetry

/// What the system says about this process (`/proc/self`), under the names that Prometheus's client libraries use.
struct ProcessFigures {
    private let cpuSeconds: Double
    private let residentBytes: Int
    private let threads: Int
    private let startSeconds: Double?
    private let descriptors: Int?
    private let descriptorLimit: Double

    /// - Returns: `nil` where there is no `/proc`.
    init?() {
        // The program's name, which may have spaces, is in parentheses.
        guard let stat = ProcessFigures.read("/proc/self/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]), let threads = Int(fields[17]),
            let start = Double(fields[19]), let pages = Int(fields[21])
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        cpuSeconds = (user + system) / ticks
        residentBytes = pages * Int(sysconf(Int32(_SC_PAGESIZE)))
        self.threads = threads
        startSeconds = ProcessFigures.bootTime.map { $0 + start / ticks }
        descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count
        var limit = rlimit()
        descriptorLimit = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Double(limit.rlim_cur) : 0
    }

    func set(in gauges: Gauges) {
        gauges.set(.processCPU, cpuSeconds)
        gauges.set(.processMemory, residentBytes)
        gauges.set(.processThreads, threads)
        if let startSeconds { gauges.set(.processStart, startSeconds) }
        if let descriptors { gauges.set(.processDescriptors, descriptors) }
        gauges.set(.processDescriptorLimit, descriptorLimit)
    }

    /// When the machine was started, in seconds since 1970.
    private static let bootTime: Double? = read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap {
        Double($0.dropFirst("btime ".count))
    }

    private static func read(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}
