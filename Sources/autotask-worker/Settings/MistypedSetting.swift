/// An unknown name that is likely a misspelled setting.
struct MistypedSetting {
    let name: String
    let origin: Configuration.Origin
    /// The setting with the most similar name.
    let meant: Setting?

    var failure: Failure {
        Failure(
            .usage,
            "\(name) (from the \(origin.rawValue)) is not a setting.",
            hint: meant.map { "Did you mean \(origin == .file ? $0.fileKeyText : $0.name)?" } ?? "See autotask-worker run --help."
        )
    }

    /// Variables with names similar to a setting's. Others belong to other programs.
    static func all(inEnvironment names: some Sequence<String>) -> [MistypedSetting] {
        names.filter { SettingsTable[$0] == nil }.sorted().compactMap { name in
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

    /// The setting that a name likely misspells: one letter in four may be wrong, at most three.
    fileprivate static func closest(to name: String) -> Setting? {
        let name = name.uppercased().split { $0 == "-" || $0 == "." || $0 == "_" }.joined(separator: "_")
        return SettingsTable.all.map { (setting: $0, distance: name.distance(to: $0.name)) }
            .filter { $0.distance <= min(3, $0.setting.name.count / 4) }
            .min { $0.distance < $1.distance }?.setting
    }
}

extension String {
    /// The number of letters to change, add, remove or swap with their neighbour (optimal string alignment).
    fileprivate func distance(to other: String) -> Int {
        let (left, right) = (Array(utf8), Array(other.utf8))
        guard abs(left.count - right.count) <= 3 else { return .max }
        var before: [Int] = []
        var last = Array(0...right.count)
        for i in 1...max(left.count, 1) where !left.isEmpty {
            var row = [i]
            for j in 1...right.count {
                var best = Swift.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1))
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] { best = Swift.min(best, before[j - 2] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[right.count]
    }
}
