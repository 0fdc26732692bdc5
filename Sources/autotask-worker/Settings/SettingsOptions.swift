import ArgumentParser
import Logging

/// The settings of a command. Its help shows the file alone, and where the others are listed.
struct SettingsOptions: ParsableArguments {
    @OptionGroup var file: SettingsFile
    @OptionGroup(title: "Settings", visibility: .hidden) var each: SettingOptions
}

/// The settings file.
struct SettingsFile: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A JSON file with settings. Each setting is an option, too: see autotask-worker help settings.",
            valueName: "path"
        ),
        completion: .file(extensions: ["json"])
    )
    var config: String?
}

/// The settings as options of the command line, shared by every command: one for each row of ``SettingsTable``.
///
/// Others can see a secret in an option until ``Launch`` has erased it, and it stays in the shell's history. The environment or a file is a
/// better place.
struct SettingOptions: ParsableArguments {
    @Option(\.amqpURL) var amqpURL: String?
    @Option(\.amqpCAFile) var amqpCAFile: String?
    @Option(\.prefix) var prefix: String?
    @Option(\.jobQueues) var jobQueues: String?
    @Option(\.portalAMQPURL) var portalAMQPURL: String?
    @Option(\.managementURL) var managementURL: String?
    @Option(\.storeURL) var storeURL: String?
    @Option(\.storeCreate) var storeCreate: String?
    @Option(\.autotaskURL) var autotaskURL: String?
    @Option(\.autotaskAllowedHosts) var autotaskAllowedHosts: String?
    @Option(\.autotaskIntegrationCode) var autotaskIntegrationCode: String?
    @Option(\.autotaskProxy) var autotaskProxy: String?
    @Option(\.autotaskCAFile) var autotaskCAFile: String?
    @Option(\.vaultKeys) var vaultKeys: String?
    @Option(\.trustedPublishers) var trustedPublishers: String?
    @Option(\.accessCutoff) var accessCutoff: String?
    @Option(\.settleSeconds) var settleSeconds: String?
    @Option(\.acknowledgeWarnings) var acknowledgeWarnings: String?
    @Option(\.priceChangePercent) var priceChangePercent: String?
    @Option(\.previewSeconds) var previewSeconds: String?
    @Option(\.billingCodesSeconds) var billingCodesSeconds: String?
    @Option(\.quotaShare) var quotaShare: String?
    @Option(\.concurrentLanes) var concurrentLanes: String?
    @Option(\.interactiveSeconds) var interactiveSeconds: String?
    @Option(\.retrySeconds) var retrySeconds: String?
    @Option(\.retryAttempts) var retryAttempts: String?
    @Option(\.retryHours) var retryHours: String?
    @Option(\.backlogLimit) var backlogLimit: String?
    @Option(\.laneBacklogLimit) var laneBacklogLimit: String?
    @Option(\.eventLimitBytes) var eventLimitBytes: String?
    @Option(\.verifyIntervalHours) var verifyIntervalHours: String?
    @Option(\.driftIntervalHours) var driftIntervalHours: String?
    @Option(\.auditDays) var auditDays: String?
    @Option(\.historyDays) var historyDays: String?
    @Option(\.shutdownSeconds) var shutdownSeconds: String?
    @Option(\.operationsListen) var operationsListen: String?
    @Option(\.development) var development: String?
    @Option(\.logLevel) var logLevel: String?
    @Option(\.logFormat) var logFormat: String?
    @Option(\.otelEndpoint) var otelEndpoint: String?
    @Option(\.otelTracesEndpoint) var otelTracesEndpoint: String?
    @Option(\.otelHeaders) var otelHeaders: String?
    @Option(\.otelTracesHeaders) var otelTracesHeaders: String?
    @Option(\.otelTimeout) var otelTimeout: String?
    @Option(\.otelTracesTimeout) var otelTracesTimeout: String?
    @Option(\.otelCertificate) var otelCertificate: String?
    @Option(\.otelSampler) var otelSampler: String?
    @Option(\.otelSamplerArgument) var otelSamplerArgument: String?
    @Option(\.otelServiceName) var otelServiceName: String?
    @Option(\.otelResourceAttributes) var otelResourceAttributes: String?
    @Option(\.otelScheduleDelay) var otelScheduleDelay: String?
    @Option(\.otelExportTimeout) var otelExportTimeout: String?
    @Option(\.otelQueueSize) var otelQueueSize: String?
    @Option(\.otelBatchSize) var otelBatchSize: String?
    @Option(\.otelDisabled) var otelDisabled: String?

    /// The given values, by the names of settings.
    var values: [String: String] {
        let given = Mirror(reflecting: self).children.compactMap { child -> (String, String)? in
            guard let label = child.label, let value = (child.value as? Option<String?>)?.wrappedValue else { return nil }
            return (label, value)
        }
        // The storage of a property wrapper has the property's name after an underscore.
        let settings = Dictionary(uniqueKeysWithValues: SettingsTable.named.map { ("_" + $0.property, $0.setting.name) })
        return Dictionary(uniqueKeysWithValues: given.compactMap { label, value in settings[label].map { ($0, value) } })
    }
}

extension Setting {
    /// The values that a shell offers, by the placeholder: files, choices, levels of the log.
    fileprivate var completion: CompletionKind? {
        switch placeholder {
        case "path": .file()
        case "level": .list(Logger.Level.allCases.map(\.rawValue))
        case let choices where choices.contains("|"): .list(choices.split(separator: "|").map(String.init))
        default: nil
        }
    }
}

extension Option where Value == String? {
    fileprivate init<Read, Mistake>(_ row: KeyPath<SettingsTable, TypedSetting<Read, Mistake>>) {
        let setting = SettingsTable.rows[keyPath: row].setting
        self.init(name: .customLong(String(setting.option.dropFirst(2))), help: setting.help, completion: setting.completion)
    }
}
