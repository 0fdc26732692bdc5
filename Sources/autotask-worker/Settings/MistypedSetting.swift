/// An unknown name that is likely a misspelled setting.
struct MistypedSetting: Sendable {
    let name: String
    let origin: Configuration.Origin
    /// The setting with the most similar name.
    let meant: Setting?

    var failure: Failure {
        Failure(
            .usage,
            "\(name) (from the \(origin.rawValue)) is not a setting.",
            hint: meant.map { "Did you mean \(origin == .file ? $0.fileKeyText : $0.name)?" } ?? "See autotask-worker help settings."
        )
    }

    /// OpenTelemetry's variables for logs, which programs share. They resemble those for traces, and the worker ignores them.
    private static let foreignPrefix = "OTEL_BLRP_"

    /// Variables with names similar to a setting's. Others belong to other programs.
    static func all(inEnvironment names: some Sequence<String>) -> [MistypedSetting] {
        names.filter { SettingsTable[$0] == nil && !$0.hasPrefix(foreignPrefix) }.sorted().compactMap { name in
            Setting.closest(to: name).map { MistypedSetting(name: name, origin: .environment, meant: $0) }
        }
    }

    /// Members of the settings file that belong to no setting. Only the worker uses the file, so each is a mistake.
    ///
    /// - Parameter keys: the members with their objects, such as `amqp.url`.
    static func all(inFile keys: [String]) -> [MistypedSetting] {
        let known = Set(SettingsTable.all.map(\.fileKeyText))
        return keys.filter { !known.contains($0) }.sorted().map { key in
            let name = key.uppercased().split(separator: ".").joined(separator: "_")
            return MistypedSetting(name: key, origin: .file, meant: SettingsTable[name] ?? Setting.closest(to: name))
        }
    }
}

extension Setting {
    /// Its member in a file, after its object: `amqp.url`.
    var fileKeyText: String { fileKey.joined(separator: ".") }

    /// The setting that a name likely misspells.
    fileprivate static func closest(to name: String) -> Setting? {
        let name = name.uppercased().split { $0 == "-" || $0 == "." || $0 == "_" }.joined(separator: "_")
        return SettingsTable.all.map(\.name).closest(to: name).flatMap { SettingsTable[$0] }
    }
}
