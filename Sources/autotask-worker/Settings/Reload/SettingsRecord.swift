import Contract
import FoundationEssentials
import Glibc
import Logging
import Synchronization
import Telemetry

/// The file beside the store in which a running worker records its settings, secrets masked, for `config diff`.
///
/// The worker locks the file as long as it runs (`flock(2)`), so a file of a worker that was killed is recognised.
final class SettingsRecord: Sendable {
    private let path: String
    /// The open file with the lock; -1 for none.
    private let descriptor = Mutex<Int32>(-1)

    /// - Parameters:
    ///   - id: an id that no other worker has.
    ///   - store: the path of the store.
    init(of id: String, at store: String) { path = SettingsRecord.prefix(of: store) + id + ".json" }

    private static func prefix(of store: String) -> String { store + ".settings-" }

    /// Writes the settings. Without the record only `config diff` is missing, so a failure is logged and stops nothing.
    func write(_ settings: RunningSettings, log: Logger) {
        let partial = path + ".partial"
        let file = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let bytes = RecordedSettings(settings).json.encoded
        guard file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0, Glibc.write(file, bytes, bytes.count) == bytes.count,
            rename(partial, path) == 0
        else {
            let reason = String(cString: strerror(errno))
            if file >= 0 { close(file) }
            unlink(partial)
            log.warning("The settings in force could not be recorded for config diff", metadata: .keys([.error: "\(reason)"]))
            return
        }
        replace(by: file)
    }

    /// Removes the record, and those of workers that were killed.
    func remove() {
        unlink(path)
        replace(by: -1)
    }

    private func replace(by file: Int32) {
        let previous = descriptor.withLock { descriptor in
            defer { descriptor = file }
            return descriptor
        }
        if previous >= 0 { close(previous) }
    }

    /// Removes the records of workers of a store that were killed.
    static func removeLeft(at store: String) {
        for path in paths(at: store) where !isLocked(path) { unlink(path) }
    }

    /// The settings of the workers that run on a store.
    static func all(at store: String) -> [RecordedSettings] {
        paths(at: store).filter(isLocked).compactMap { path in
            FileManager.default.contents(atPath: path).flatMap { RecordedSettings(Array($0)) }
        }
    }

    private static func paths(at store: String) -> [String] {
        let prefix = prefix(of: store)
        let directory = URL(filePath: prefix).deletingLastPathComponent().path
        let name = URL(filePath: prefix).lastPathComponent
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasPrefix(name) && $0.hasSuffix(".json") }.sorted().map { directory + "/" + $0 }
    }

    private static func isLocked(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }
}

/// The settings that a worker has recorded.
struct RecordedSettings {
    /// The id of the worker's process.
    let process: Int
    /// The absolute path of its settings file; `nil` if it has none.
    let file: String?
    /// Its settings. Secrets are masked.
    let settings: Configuration

    init(_ running: RunningSettings) {
        process = Int(getpid())
        file = running.file.map { URL(filePath: $0).path }
        settings = running.current
    }

    /// - Returns: `nil` for a text that no worker wrote.
    init?(_ bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes), let process = json["process"]?.integer, let members = json["settings"]?.object else {
            return nil
        }
        self.process = Int(process)
        file = json["file"]?.string
        settings = Configuration(
            entries: SettingsTable.all.map { setting in
                let member = members[setting.name]
                let origin = member?["origin"]?.string.flatMap(Configuration.Origin.init)
                return Configuration.Entry(setting: setting, text: member?["value"]?.string, origin: origin ?? .unset)
            },
            mistyped: [],
            environment: [:]
        )
    }

    var json: JSON {
        .members(["process": process, "file": file, "settings": ConfigurationListing(settings: settings).json])
    }
}
