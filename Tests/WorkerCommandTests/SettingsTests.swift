import ArgumentParser
import Contract
import Engine
import FoundationEssentials
import Logging
import Testing
import Vault

@testable import autotask_worker

/// An operator's settings, and their use in the worker.
struct SettingsTests {
    // MARK: The table

    @Test("README's table of settings has the rows of the table, in its order")
    func readme() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let rows = readme.split(separator: "\n").filter { row in
            row.hasPrefix("| `") && row.dropFirst(3).prefix { $0 != "`" }.allSatisfy { $0.isUppercase || $0 == "_" }
        }
        #expect(rows.map(String.init) == SettingsTable.all.map(\.documentation))
    }

    @Test("Every row has an option of its name, with its meaning and its default as help")
    func options() throws {
        let help = SettingOptions.helpMessage(columns: 1000)
        let options = try SettingOptions.parse(SettingsTable.all.flatMap { [$0.option, "value of \($0.name)"] })
        #expect(options.values == Dictionary(uniqueKeysWithValues: SettingsTable.all.map { ($0.name, "value of \($0.name)") }))
        for setting in SettingsTable.all {
            #expect(help.contains("\(setting.option) <\(setting.placeholder)>"))
            #expect(help.contains("Default: \(setting.defaultText.filter { $0 != "`" })."), "\(setting.name)")
        }
        #expect(SettingsTable.all.count == 55)
    }

    @Test("Every default has its form", arguments: SettingsTable.all)
    func defaults(setting: Setting) {
        let entry = Configuration.Entry(setting: setting, text: setting.defaultValue, origin: .byDefault)
        #expect(setting.mistake(entry) == nil)
        #expect(!setting.meaning.isEmpty && setting.meaning.last != ".")
    }

    // MARK: Origin

    @Test("The command line comes before the environment, that before the file, and that before the default")
    func origins() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json")
        try Data(#"{"prefix": "of-file", "quota": {"share": "7"}, "settle": {"seconds": "8"}, "amqp": {"urk": "x"}}"#.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let settings = try await configuration(
            ["--config", file.path, "--prefix", "of-line"],
            ["PREFIX": "of-environment", "QUOTA_SHARE": "6", "LOG_LEVEL": "", "RETRY_SECOND": "5", "PATH": "/bin"]
        )
        #expect(settings.prefix == "of-line" && settings.entry(\.prefix).origin == .commandLine)
        #expect(try settings.quotaShare == 6 && settings.entry(\.quotaShare).origin == .environment)
        #expect(try settings.settleSeconds == .seconds(8) && settings.entry(\.settleSeconds).origin == .file)
        #expect(try settings.logLevel == .info && settings.entry(\.logLevel).origin == .byDefault)
        #expect(settings.managementURL == nil && settings.entry(\.managementURL).origin == .unset)
        #expect(
            settings.mistakes.map(\.description) == [
                "RETRY_SECOND (from the environment) is not a setting.\nDid you mean RETRY_SECONDS?",
                "amqp.urk (from the file) is not a setting.\nDid you mean amqp.url?",
            ]
        )
    }

    @Test("A missing settings file is a usage error")
    func missingFile() async throws {
        let failure = await #expect(throws: Failure.self) { _ = try await configuration(["--config", "/nowhere/settings.json"]) }
        #expect(failure?.status == .usage)
        #expect(failure?.message == "The settings file /nowhere/settings.json cannot be read.")
    }

    // MARK: Forms

    @Test(
        "A value of the wrong form is reported with its origin and the right form",
        arguments: [
            ("STORE_URL", "postgres://x", "sqlite:PATH"), ("STORE_URL", "sqlite:", "sqlite:PATH"), ("STORE_CREATE", "maybe", "yes or no"),
            ("DEVELOPMENT", "yes", "0 or 1"), ("VAULT_KEYS", "env:", "a path, env:NAME or credential:NAME"),
            ("AUTOTASK_PROXY", "https://proxy", "http://host:port or http://user:password@host:port"),
            ("ACCESS_CUTOFF", "yesterday", "a date-time of RFC 3339, or none"), ("SETTLE_SECONDS", "-1", "a number of seconds"),
            ("SETTLE_SECONDS", "soon", "a number of seconds"), ("SETTLE_SECONDS", "nan", "a number of seconds"),
            ("RETRY_HOURS", "1e9", "a number of hours"), ("ACKNOWLEDGE_WARNINGS", "price_changed,x", "none, or a list of warnings"),
            ("QUOTA_SHARE", "101", "a percentage, from 1 to 100"), ("QUOTA_SHARE", "0", "a positive whole number"),
            ("CONCURRENT_LANES", "0", "a positive whole number"), ("CONCURRENT_LANES", "1.5", "a positive whole number"),
            ("EVENT_LIMIT_BYTES", "4095", "a positive whole number"), ("AUDIT_DAYS", "0", "a positive whole number"),
            ("HISTORY_DAYS", "-1", "a whole number of at least 0"), ("OPERATIONS_LISTEN", "8080", "HOST:PORT, such as 127.0.0.1:8080"),
            ("VERIFY_INTERVAL_HOURS", "8785", "a number of hours up to 8784, a year, or 0 for never"),
            ("LOG_LEVEL", "loud", "a log level, such as info"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "an http or https URL without user, password, query and fragment"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:p@collector", "an http or https URL without user, password, query and fragment"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x/?a=b", "an http or https URL without user, password, query and fragment"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "token", "a list of name=value, separated by commas, with percent-encoded values"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz", "a list of name=value, separated by commas, with percent-encoded values"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "host=x", "a list of headers that HTTP can carry"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0ab", "a list of headers that HTTP can carry"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x", "a list of name=value, separated by commas, with percent-encoded values"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "a number of milliseconds"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote", "a sampler, such as parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5", "a number from 0 to 1"), ("OTEL_SDK_DISABLED", "yes", "true or false"),
        ]
    )
    func wrongForm(name: String, text: String, form: String) async throws {
        let settings = try await configuration([], [name: text])
        let mistakes = settings.mistakes
        #expect(mistakes.map(\.message) == ["\(name) (from the environment) is not \(form)."])
        #expect(mistakes.allSatisfy { $0.status == .usage && $0.hint?.isEmpty == false })
    }

    @Test("A wrong setting stops only the commands that read it")
    func wrongOne() async throws {
        let settings = try await configuration(["--quota-share", "200", "--store-url", "sqlite:/tmp/store"])
        #expect(try settings.storePath == "/tmp/store")
        let failure = #expect(throws: Failure.self) { _ = try settings.engine }
        #expect(failure?.message == "QUOTA_SHARE (from the command line) is not a percentage, from 1 to 100.")
    }

    @Test("Numbers, lists and moments become values of their type")
    func values() async throws {
        let settings = try await configuration([
            "--settle-seconds", "1.5", "--retry-hours", "0.5", "--verify-interval-hours", "0", "--drift-interval-hours", "0.0001",
            "--audit-days", "2", "--history-days", "0", "--job-queues", " one, two ,,", "--acknowledge-warnings", "none",
            "--access-cutoff", "none", "--autotask-url", "https://example.com/rest", "--development", "1",
        ])
        #expect(try settings.settleSeconds == .milliseconds(1500))
        #expect(try settings.retryHours == .seconds(1800))
        #expect(try settings.verifyIntervalHours == nil)
        #expect(try settings.driftIntervalHours == .seconds(1))
        #expect(try settings.auditDays == .seconds(2 * 86_400) && settings.historyDays == .zero)
        #expect(settings.jobQueues == ["one", "two"])
        #expect(try settings.acknowledgeWarnings.isEmpty && settings.accessCutoff == nil)
        #expect(settings.autotaskURL == "https://example.com/rest/")
        let engine = try settings.engine
        #expect(engine.trustedPublishers == nil && engine.acceptsClearCredentials)
    }

    @Test("Unset values follow from other settings")
    func derived() async throws {
        let settings = try await configuration(["--prefix", "acme", "--amqp-url", "amqp://x"])
        #expect(settings.jobQueues == ["acme.jobs"] && settings.portalAMQPURL == "amqp://x")
        #expect(try settings.engine.accessCutoff == Timestamp("2023-06-01T00:00:00Z"))
    }

    @Test("A relative path is in the state directory of systemd, or in the user's")
    func directories() async throws {
        #expect(try await configuration([], ["STATE_DIRECTORY": "/var/lib/x"]).storePath == "/var/lib/x/autotask-worker.sqlite")
        #expect(try await configuration([], ["XDG_STATE_HOME": "/state"]).keyRingFile.path == "/state/autotask-worker/keys.json")
        let home = try await configuration([], ["HOME": "/home/x", "STATE_DIRECTORY": "", "STORE_URL": "sqlite:a/b"])
        #expect(try home.storePath == "/home/x/.local/state/autotask-worker/a/b")
        #expect(try await configuration(["--store-url", "sqlite:./here"]).storePath == "./here")
    }

    @Test("A key ring outside a file cannot be written, and a credential needs systemd")
    func keyRings() async throws {
        let variable = try await configuration(["--vault-keys", "env:RING"])
        #expect(try variable.keyRingSource is EnvironmentKeyRing)
        #expect(#expect(throws: Failure.self) { _ = try variable.keyRingFile }?.status == .usage)
        let credential = try await configuration(["--vault-keys", "credential:ring"])
        #expect(#expect(throws: Failure.self) { _ = try credential.keyRingSource }?.status == .unavailable)
        let handed = try await configuration(["--vault-keys", "credential:ring"], ["CREDENTIALS_DIRECTORY": "/run/credentials/x"])
        #expect(try handed.keyRingSource.description == "/run/credentials/x/ring")
    }

    // MARK: Secrets

    @Test(
        "Only the secret part of a value is masked",
        arguments: [
            ("AMQP_URL", "amqp://worker:hunter2@broker:5672/", "amqp://worker:…@broker:5672/"),
            ("AMQP_URL", "amqp://worker@broker/", "amqp://worker@broker/"),
            ("MANAGEMENT_URL", "http://a:b@c@host", "http://a:…@host"), ("AUTOTASK_PROXY", "http://u:p@h:1", "http://u:…@h:1"),
            ("STORE_URL", "sqlite:/x:y@z", "sqlite:/x:y@z"), ("AUTOTASK_INTEGRATION_CODE", "Code", "…"), ("PREFIX", "a:b@c", "a:b@c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x", "…"), ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b", "…"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:p@c:1", "http://u:…@c:1"),
        ]
    )
    func masks(name: String, value: String, shown: String) throws {
        #expect(try #require(SettingsTable[name]).masked(value) == shown)
    }

    // MARK: Typing errors

    @Test(
        "A name close to a setting's is offered as a correction",
        arguments: [
            ("AMQP-URL", "AMQP_URL"), ("AMPQ_URL", "AMQP_URL"), ("TRUSTED_PUBLISHER", "TRUSTED_PUBLISHERS"), ("DEVELOPMEMT", "DEVELOPMENT"),
            ("HOME", nil), ("AMQP_URL", nil), ("XAMQP_URLXX", nil), ("OTEL_EXPORTER_OTLP_ENPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
            // OpenTelemetry's variables for what the worker does not send.
            ("OTEL_BLRP_SCHEDULE_DELAY", nil), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", nil), ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", nil),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", nil), ("OTEL_METRICS_EXPORTER", nil), ("OTEL_EXPORTER_OTLP_INSECURE", nil),
        ]
    )
    func mistyped(name: String, meant: String?) {
        #expect(MistypedSetting.all(inEnvironment: [name]).first?.meant?.name == meant)
    }
}
