import Contract
import Engine
import FoundationEssentials
import Logging
import Synchronization
import Testing

@testable import autotask_worker

/// The reload of the settings file by a running worker, and `config diff`.
struct SettingsReloadTests {
    private let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json").path
    private let log = LinesOfLog()

    private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: file)) }

    /// A worker that has started with the file's present content.
    private func running(_ arguments: [String] = [], _ environment: [String: String] = [:]) async throws -> RunningSettings {
        RunningSettings(try await configuration(["--config", file] + arguments, environment), file: file, at: now)
    }

    /// - Returns: the changes, and what was put in force.
    private func reload(_ settings: RunningSettings) async -> (reload: SettingsReload?, adopted: EngineSettings?) {
        let adopted = Mutex<EngineSettings?>(nil)
        let reload = await settings.reload(at: now + .seconds(60), log: log.logger) { _, engine in adopted.withLock { $0 = engine } }
        return (reload, adopted.withLock { $0 })
    }

    @Test("A changed setting is put in force, and its old and new value are logged")
    func changed() async throws {
        try write(#"{"quota": {"share": 40}}"#)
        let settings = try await running()
        try write(#"{"quota": {"share": 30}, "retry": {"hours": "2"}}"#)
        let (reload, adopted) = await reload(settings)
        #expect(reload?.taken.map(\.setting.name) == ["QUOTA_SHARE", "RETRY_HOURS"] && reload?.left.isEmpty == true)
        #expect(adopted?.quotaShare == 30 && adopted?.retry.maximumAge == .seconds(7200))
        #expect(try settings.current.quotaShare == 30)
        #expect(settings.lastReload.isSuccessful && settings.lastReload.succeededAt == now + .seconds(60))
        #expect(
            log.lines == [
                "notice A setting has changed new=30 old=40 setting=QUOTA_SHARE",
                "notice A setting has changed new=2 old=24 setting=RETRY_HOURS",
                "notice The settings were reloaded count=2",
            ]
        )
    }

    @Test("A member that was removed from the file gets its default again")
    func removed() async throws {
        try write(#"{"quota": {"share": 40}}"#)
        let settings = try await running()
        try write("{}")
        #expect(await reload(settings).adopted?.quotaShare == 50)
    }

    @Test("A setting that needs a restart stays, and is named at each reload")
    func restart() async throws {
        try write(#"{"prefix": "one"}"#)
        let settings = try await running()
        try write(#"{"prefix": "two"}"#)
        for _ in 1...2 {
            let (reload, adopted) = await reload(settings)
            #expect(reload?.left.map(\.setting.name) == ["PREFIX"] && reload?.taken.isEmpty == true && adopted == nil)
            #expect(settings.current.prefix == "one")
        }
        #expect(log.lines.count { $0 == "warning A changed setting takes effect after a restart new=two old=one setting=PREFIX" } == 2)
    }

    @Test(
        "If anything in the file is wrong, nothing changes",
        arguments: [
            (#"{"quota": {"share": 30}, "retry": {"hours": "soon"}}"#, "RETRY_HOURS (from the file) is not a number of hours."),
            (#"{"quota": {"share": 30}, "retry": {"ours": 2}}"#, "retry.ours (from the file) is not a setting."),
            (#"{"quota": {"share": 30}, "log": {"format": "loud"}}"#, "LOG_FORMAT (from the file) is not text, json or logfmt."),
            (#"{"quota": {"share": [30]}}"#, "quota.share (from the file) is neither a string nor a number."),
            ("no JSON", "cannot be read."),
        ]
    )
    func wrong(text: String, mistake: String) async throws {
        try write(#"{"quota": {"share": 40}}"#)
        let settings = try await running()
        try write(text)
        let (reload, adopted) = await reload(settings)
        #expect(reload == nil && adopted == nil)
        #expect(try settings.current.quotaShare == 40)
        #expect(!settings.lastReload.isSuccessful && settings.lastReload.succeededAt == now)
        #expect(log.lines.count == 1 && log.lines[0].hasPrefix("error The settings were not reloaded; those in force stay"))
        #expect(log.lines[0].contains(mistake))
        try write(#"{"quota": {"share": 40}}"#)
        _ = await self.reload(settings)
        #expect(settings.lastReload.isSuccessful)
    }

    @Test("What the command line or the environment sets does not change")
    func fixed() async throws {
        try write(#"{"quota": {"share": 40}, "audit": {"days": 3}}"#)
        let settings = try await running(["--quota-share", "20"], ["AUDIT_DAYS": "5"])
        try write(#"{"quota": {"share": 30}, "audit": {"days": 4}}"#)
        let (reload, adopted) = await reload(settings)
        #expect(reload?.changes.isEmpty == true && adopted == nil)
        #expect(try settings.current.quotaShare == 20 && settings.current.auditDays == .seconds(5 * 86_400))
    }

    @Test("A secret is masked in the log, and named when it changes")
    func secrets() async throws {
        try write(#"{"amqp": {"url": "amqp://u:hunter1@b/"}}"#)
        let settings = try await running()
        try write(#"{"amqp": {"url": "amqp://u:hunter2@b/"}}"#)
        #expect(await reload(settings).reload?.left.map(\.setting.name) == ["AMQP_URL"])
        #expect(!log.lines.contains { $0.contains("hunter") })
    }

    @Test("Without a settings file there is nothing to reload, and that is no failure")
    func noFile() async throws {
        let settings = RunningSettings(try await configuration(), file: nil, at: now)
        #expect(await settings.reload(at: now, log: log.logger) { _, _ in Issue.record("adopted") } == nil)
        #expect(log.lines == ["notice There are no settings to reload: the worker runs without a settings file (--config)"])
        #expect(settings.lastReload.isSuccessful)
    }

    // MARK: config diff

    @Test("The record of a running worker has its settings without secrets, and is gone when the worker ends")
    func record() async throws {
        try write(#"{"amqp": {"url": "amqp://u:hunter1@b/"}, "quota": {"share": 40}}"#)
        let store = file + ".sqlite"
        let record = SettingsRecord(of: "one", at: store)
        record.write(try await running(), log: log.logger)
        let recorded = try #require(SettingsRecord.all(at: store).first)
        #expect(recorded.file == file && recorded.settings.amqpURL == "amqp://u:…@b/")
        #expect(try recorded.settings.quotaShare == 40 && recorded.settings.entry(\.quotaShare).origin == .file)
        #expect(SettingsReload(from: recorded.settings, to: try await recorded.settings.read(again: file).masked).changes.isEmpty)
        record.remove()
        #expect(SettingsRecord.all(at: store).isEmpty)
    }

    @Test("The record of a worker that was killed is not taken for a running worker's, and the next worker removes it")
    func left() async throws {
        let store = file + ".sqlite"
        let path = store + ".settings-killed.json"
        try Data(RecordedSettings(RunningSettings(try await configuration(), file: nil, at: now)).json.encoded).write(
            to: URL(filePath: path)
        )
        #expect(SettingsRecord.all(at: store).isEmpty && FileManager.default.fileExists(atPath: path))
        SettingsRecord.removeLeft(at: store)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("A difference is exit code 1, and says whether a reload or a restart takes it")
    func difference() async throws {
        try write(#"{"quota": {"share": 40}, "prefix": "one"}"#)
        let settings = try await running().current
        try write(#"{"quota": {"share": 30}, "prefix": "two"}"#)
        func diff(_ reload: SettingsReload) -> SettingsDiff { SettingsDiff(workers: [.init(process: 7, file: file, reload: reload)]) }
        let other = diff(SettingsReload(from: settings, to: try await settings.read(again: file)))
        #expect(other.failure != nil && other.json["same"] == false)
        let changes = try #require(other.documents[0]["changes"]?.array)
        #expect(changes.map { $0["name"]?.string } == ["PREFIX", "QUOTA_SHARE"])
        #expect(changes.map { $0["takesEffect"]?.string } == ["restart", "reload"])
        #expect(changes[1]["running"] == "40" && changes[1]["file"] == "30")
        let same = diff(SettingsReload(from: settings, to: settings))
        #expect(same.failure == nil && same.json["same"] == true)
    }

    @Test("The page on changing settings lists those that a reload takes")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = root.appending(path: "Sources/autotask-worker/Documentation.docc/Changing-settings.md")
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
        let listed = lines.filter { $0.hasPrefix("| `") }.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
        #expect(listed == SettingsTable.all.filter(\.isReloadable).map(\.name))
    }
}

/// The lines that a logger has written: level, message, metadata.
private final class LinesOfLog: Sendable {
    private let written = Mutex<[String]>([])

    var lines: [String] { written.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LinesOfLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            lines.written.withLock { $0.append("\(event.level) \(event.message)" + details) }
        }
    }
}
