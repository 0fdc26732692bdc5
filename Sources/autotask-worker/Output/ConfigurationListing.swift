import Contract

/// Every setting with its origin, secrets masked.
struct ConfigurationListing {
    let settings: Settings
    let asJSON: Bool

    func print() {
        guard asJSON else {
            for entry in settings.resolved {
                let name = entry.setting.rawValue + String(repeating: " ", count: 28 - entry.setting.rawValue.count)
                Terminal.line("\(name)\(shown(entry) ?? "–")  \(Terminal.styled("(\(entry.origin.rawValue))", .dim))")
            }
            for mistake in settings.mistakes { Terminal.line("\(mistake.message) \(mistake.hint ?? "")") }
            return
        }
        var object = JSONObject()
        for entry in settings.resolved {
            object[entry.setting.rawValue] = ["value": shown(entry).map(JSON.string) ?? .null, "origin": .string(entry.origin.rawValue)]
        }
        Terminal.line(JSON.object(object))
    }

    private func shown(_ entry: Settings.Resolved) -> String? { entry.value.map(entry.setting.masked) }
}
