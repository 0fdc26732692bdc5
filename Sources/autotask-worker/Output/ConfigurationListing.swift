import Contract

/// Every setting with its origin, secrets masked.
struct ConfigurationListing {
    let settings: Configuration
    let asJSON: Bool

    func print() {
        guard asJSON else {
            for entry in settings.entries {
                Terminal.line(
                    "\(entry.setting.name.padded(28))\(entry.shown ?? "–")  \(Terminal.styled("(\(entry.origin.rawValue))", .dim))"
                )
            }
            for mistake in settings.mistakes { Terminal.line("\(mistake.message) \(mistake.hint ?? "")") }
            return
        }
        var object = JSONObject()
        for entry in settings.entries {
            object[entry.setting.name] = ["value": entry.shown.map(JSON.string) ?? .null, "origin": .string(entry.origin.rawValue)]
        }
        Terminal.line(JSON.object(object))
    }
}
