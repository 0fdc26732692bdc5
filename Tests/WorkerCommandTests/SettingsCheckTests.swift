import ArgumentParser
import Contract
import Testing

@testable import autotask_worker

/// `config check` and `config show`.
struct SettingsCheckTests {
    @Test("Right settings are counted, and nothing fails")
    func right() async throws {
        let check = SettingsCheck(settings: try await configuration(["--quota-share", "40"], ["PREFIX": "other"]))
        #expect(check.lines == ["All \(SettingsTable.all.count) settings are right: 2 are set, the others have their defaults."])
        #expect(check.json == ["good": true, "mistakes": []] && check.failure == nil && check.documents.isEmpty)
    }

    @Test("Every wrong setting is named, not only the first, and the exit code is that of wrong usage")
    func wrong() async throws {
        let check = SettingsCheck(settings: try await configuration(["--quota-share", "0"], ["STORE_URL": "mysql:x", "AMPQ_URL": "x"]))
        let text = check.lines.joined(separator: "\n")
        for name in ["QUOTA_SHARE", "STORE_URL", "AMPQ_URL"] { #expect(text.contains(name)) }
        #expect(check.json["good"] == false && check.json["mistakes"]?.array?.count == 3 && check.documents.count == 3)
        #expect((check.failure as? ExitCode)?.rawValue == Failure.Status.usage.rawValue)
    }

    @Test("A secret in a setting is shown in no form of output", arguments: OutputFormat.allCases)
    func secrets(format: OutputFormat) async throws {
        let listing = ConfigurationListing(settings: try await configuration(["--amqp-url", "amqp://u:hunter2@b/"]))
        let text = listing.printed(as: format).map(\.description).joined(separator: "\n")
        #expect(text.contains("amqp://u:…@b/") && !text.contains("hunter2"))
    }
}
