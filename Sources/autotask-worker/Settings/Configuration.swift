import Configuration
import Contract
import FoundationEssentials

/// The settings in force, each with its origin: command line, environment, file, default, in this order.
///
/// Each row of ``SettingsTable`` is a property of its type, such as `settings.settleSeconds`; it throws ``Failure`` for an invalid value. A
/// command reads only the settings that it needs: an invalid one stops no other command.
@dynamicMemberLookup
struct Configuration: Sendable {
    enum Origin: String, Sendable {
        case commandLine = "command line"
        case environment
        case file
        case byDefault = "default"
        case unset
    }

    struct Entry: Sendable {
        let setting: Setting
        let text: String?
        let origin: Origin

        /// Whether an operator has set it.
        var isSet: Bool { origin != .byDefault && origin != .unset }

        /// The value as it may be shown.
        var shown: String? { text.map(setting.masked) }

        /// The failure for a text that does not have the form, which is given in words.
        func isNot(_ form: String, hint: String = "See autotask-worker run --print-config.") -> Failure {
            Failure(.usage, "\(setting.name) (from the \(origin.rawValue)) is not \(form).", hint: hint)
        }
    }

    /// All settings, in the order of the table.
    let entries: [Entry]
    /// Unknown names that are likely misspelled settings.
    let mistyped: [MistypedSetting]
    let environment: [String: String]

    /// Settings that were read before.
    init(entries: [Entry], mistyped: [MistypedSetting], environment: [String: String]) {
        self.entries = entries
        self.mistyped = mistyped
        self.environment = environment
    }

    init(_ options: SettingsOptions) async throws { try await self.init(options.each, options.file) }

    init(_ options: SettingOptions, _ file: SettingsFile) async throws {
        try await self.init(options.values, file: file.config, environment: Launch.current.environment)
    }

    /// - Parameters:
    ///   - values: the command line's values, by the names of settings.
    ///   - path: the path of the settings file.
    ///   - environment: the process's variables.
    init(_ values: [String: String], file path: String?, environment: [String: String]) async throws {
        self.environment = environment
        let variables = EnvironmentVariablesProvider(environmentVariables: environment)
        let file = try path.map(Configuration.content(of:))
        entries = try SettingsTable.all.map { setting in
            if let text = values[setting.name] { return Entry(setting: setting, text: text, origin: .commandLine) }
            if let text = try variables.environmentValue(forName: setting.name), !text.isEmpty {
                return Entry(setting: setting, text: text, origin: .environment)
            }
            if let text = try file.flatMap({ try setting.text(in: $0) }) { return Entry(setting: setting, text: text, origin: .file) }
            return Entry(setting: setting, text: setting.defaultValue, origin: setting.defaultValue == nil ? .unset : .byDefault)
        }
        mistyped =
            MistypedSetting.all(inEnvironment: environment.keys)
            + (file.map { MistypedSetting.all(inFile: Configuration.keys($0, below: "")) } ?? [])
    }

    private static func content(of path: String) throws(Failure) -> JSON {
        guard let json = FileManager.default.contents(atPath: path).flatMap({ try? JSON(parsing: Array($0)) }), json.object != nil else {
            throw Failure(
                .usage,
                "The settings file \(path) cannot be read.",
                hint: "It must be a JSON object, such as {\"amqp\": {\"url\": \"amqp://…\"}}."
            )
        }
        return json
    }

    /// The keys of all members, with those of nested objects.
    private static func keys(_ json: JSON, below prefix: String) -> [String] {
        (json.object?.members ?? []).flatMap { member in
            let key = prefix + member.name
            return member.value.object == nil ? [key] : keys(member.value, below: key + ".")
        }
    }

    // MARK: Values

    subscript<Value>(dynamicMember row: KeyPath<SettingsTable, TypedSetting<Value, Never>>) -> Value {
        switch SettingsTable.rows[keyPath: row].read(entry(row)) {
        case .success(let value): value
        }
    }

    subscript<Value>(dynamicMember row: KeyPath<SettingsTable, TypedSetting<Value, Failure>>) -> Value {
        get throws(Failure) { try SettingsTable.rows[keyPath: row].read(entry(row)).get() }
    }

    func entry<Value, Mistake>(_ row: KeyPath<SettingsTable, TypedSetting<Value, Mistake>>) -> Entry {
        let setting = SettingsTable.rows[keyPath: row].setting
        return entries.first { $0.setting.name == setting.name }
            ?? Entry(setting: setting, text: setting.defaultValue, origin: .byDefault)
    }

    /// The same settings with secrets masked, for a comparison with others of that kind.
    var masked: Configuration {
        let shown = entries.map { Entry(setting: $0.setting, text: $0.shown, origin: $0.origin) }
        return Configuration(entries: shown, mistyped: mistyped, environment: environment)
    }

    /// The mistakes in names and values of settings, one by one.
    var mistakes: [Failure] { mistyped.map(\.failure) + entries.compactMap { $0.setting.mistake($0) } }
}
