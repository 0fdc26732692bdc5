import Contract

/// Every setting with its origin, secrets masked, and the mistakes in settings.
struct ConfigurationListing: CommandOutput {
    let settings: Configuration

    var json: JSON {
        var object = JSONObject()
        for entry in settings.entries { object[entry.setting.name] = .members(["value": entry.shown, "origin": entry.origin.rawValue]) }
        return .object(object)
    }

    var lines: [String] {
        settings.entries.map { entry in
            let origin = Terminal.styled("(\(entry.origin.rawValue))", .dim)
            return "\(entry.setting.name.padded(28))\(entry.shown ?? "–")  \(origin)"
        } + settings.mistakes.map { "\($0.message) \($0.hint ?? "")" }
    }
}
