import Contract

/// Every setting with its origin, secrets masked, and the mistakes in settings.
struct ConfigurationListing: TableOutput {
    let settings: Configuration

    var json: JSON {
        var object = JSONObject()
        for entry in settings.entries { object[entry.setting.name] = .members(["value": entry.shown, "origin": entry.origin.rawValue]) }
        return .object(object)
    }

    var documents: [JSON] {
        settings.entries.map { JSON.members(["name": $0.setting.name, "value": $0.shown, "origin": $0.origin.rawValue]) }
    }

    var table: Table {
        Table(
            columns: [.init("SETTING", "name", .id), .init("VALUE", "value", .words), .init("ORIGIN", "origin")],
            rows: settings.entries.map { Table.Row(cells: [.text($0.setting.name), .init($0.shown), .text($0.origin.rawValue)]) }
        )
    }

    var lines: [String] {
        settings.entries.map { entry in
            let origin = Terminal.styled("(\(entry.origin.rawValue))", .dim)
            return "\(entry.setting.name.padded(28))\(entry.shown ?? "–")  \(origin)"
        } + settings.mistakes.map { "\($0.message) \($0.hint ?? "")" }
    }
}
