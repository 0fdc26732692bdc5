import ArgumentParser
import Contract

/// An event as text: the page's headline in its colour, then the important parts of its data.
struct EventText: CommandOutput {
    let event: JSON

    var json: JSON { event }
    var failure: (any Error)? { event.isGoodNews ? nil : ExitCode.no }

    var lines: [String] {
        guard let type = event["type"]?.string else { return ["?"] }
        let name = type.hasPrefix("autotask.") ? String(type.dropFirst("autotask.".count)) : type
        let style = style(of: name)
        var head = Terminal.styled(time, .dim) + "  " + Terminal.styled((event["subject"]?.string ?? "").padded(10), .bold)
        head += "  " + Terminal.styled(name.padded(24), style)
        if let headline = headline(of: name) { head += "  " + Terminal.styled(headline, style) }
        return [head] + details(of: name).map { "          " + $0 }
    }

    private var data: JSON { event["data"] ?? .null }

    /// The time of day.
    private var time: String { String(event["time"]?.string?.dropFirst(11).prefix(12) ?? "") }

    private func style(of name: String) -> Terminal.Style {
        switch name {
        case "connection.established", "sync.succeeded", "billing-codes.listed", "integration.reset", "integration.enabled",
            "connection.recovered", "connection.verified", "sync.previewed":
            .success
        case "connection.diagnosed": data["healthy"] == true ? .success : .error
        case "sync.started", "sync.progress": .dim
        case "drift.reported", "drift.changed": differing == 0 ? .success : .warning
        case "job.deferred", "job.superseded", "sync.incomplete": .warning
        default: .error
        }
    }

    private func headline(of name: String) -> String? {
        switch name {
        case "sync.started": return "\(number("total")) services"
        case "sync.progress":
            return "\(number("done")) of \(number("total")): \(data["serviceKey"]?.string ?? "") \(data["status"]?.string ?? "")"
        case "billing-codes.listed": return "\(data["billingCodes"]?.array?.count ?? 0) billing codes"
        case "connection.verified": return "The connection works"
        case "drift.reported", "drift.changed":
            switch differing {
            case 0: return "Autotask shows what was synced"
            case 1: return "1 service differs in Autotask"
            default: return "\(differing) services differ in Autotask"
            }
        case "connection.diagnosed": return data["steps"]?.array.map(DiagnosisText.summary)
        case "integration.enabled": return "Your Autotask/Workplace integration is now enabled"
        case "sync.previewed":
            return data["previewId"]?.string == nil
                ? "A sync would write nothing" : "A sync would make \(number("apiCallEstimate")) calls"
        case "job.deferred": return "until \(data["until"]?.string ?? "") (attempt \(number("attempt")))"
        default: return data["message"]?.string
        }
    }

    /// The number of services in a drift that differ from what was synced.
    private var differing: Int { data["services"]?.array?.count { $0["state"] != "unchanged" } ?? 0 }

    private func number(_ name: String) -> String {
        guard case .number(let text)? = data[name] else { return "?" }
        return text
    }

    private func details(of name: String) -> [String] {
        var lines: [String] = []
        if let zone = data["zone"] {
            let user = data["username"]?.string.map { ", user \($0)" } ?? ""
            lines.append("zone \(zone["name"]?.string ?? "?"), database \(number("databaseId"))\(user)")
        }
        for code in data["billingCodes"]?.array ?? [] {
            guard case .number(let id)? = code["id"] else { continue }
            lines.append("\(id.padded(10)) \(code["name"]?.string ?? "")")
        }
        lines += DiagnosisText.lines(of: data["steps"]?.array ?? [])
        for service in data["services"]?.array ?? [] {
            lines += name.hasPrefix("drift.") ? DriftedServiceText(service: service).lines : ServiceText(service: service).lines
        }
        if let previewID = data["previewId"]?.string {
            lines.append("To do exactly this, sync with previewId \(previewID) until \(data["expiresAt"]?.string ?? "?")")
            let names = data["needsAcknowledgement"]?.array?.compactMap(\.string) ?? []
            if !names.isEmpty { lines.append(Terminal.styled("To be acknowledged: \(names.joined(separator: ", "))", .warning)) }
        }
        for warning in data["warnings"]?.array ?? [] where name != "sync.previewed" {
            lines.append(Terminal.styled("! \(warning["message"]?.string ?? "")", .warning))
        }
        if let error = data["error"] { lines += ErrorText(error: error).lines }
        if data["previousConnectionActive"] == true { lines.append("The earlier connection stays in use.") }
        if let first = event["redriveof"]?.string { lines.append(Terminal.styled("a copy of \(first)", .dim)) }
        return lines
    }
}

/// A service's row, as on the page: status, name, what was done.
private struct ServiceText {
    let service: JSON

    var lines: [String] {
        let status = service["status"]?.string ?? "?"
        let style: Terminal.Style = status == "Synced" ? .success : status == "Error" ? .error : .dim
        var row =
            Terminal.styled(status.padded(10), style) + "  " + (service["name"]?.string ?? "").padded(34) + "  "
            + (service["outcome"]?.string ?? "")
        if case .number(let id)? = service["autotaskServiceId"] { row += Terminal.styled("  #\(id)", .dim) }
        var lines = [row]
        lines += service.changeLines
        for change in service["overwritten"]?.array ?? [] {
            lines.append("            edited in Autotask: \(change["field"]?.string ?? "") \(JSON.shown(change["from"]))")
        }
        if let margin = service["margin"], margin["before"] != margin["after"] {
            lines.append("            margin: \(JSON.shown(margin["before"])) → \(JSON.shown(margin["after"]))")
        }
        lines += service.warningLines
        if let error = service["error"] { lines += ErrorText(error: error).lines.map { "            " + $0 } }
        return lines
    }
}

/// A service of a drift: its state, and what differs.
private struct DriftedServiceText {
    let service: JSON

    var lines: [String] {
        let state = service["state"]?.string ?? "?"
        let style: Terminal.Style = state == "unchanged" ? .dim : state == "gone" ? .error : .warning
        var row = Terminal.styled(state.padded(10), style) + "  " + (service["name"]?.string ?? "").padded(34)
        if case .number(let id)? = service["autotaskServiceId"] { row += Terminal.styled("  #\(id)", .dim) }
        return [row] + service.changeLines + service.warningLines
    }
}

extension JSON {
    /// The changes or differences in a service's fields.
    fileprivate var changeLines: [String] {
        (self["changes"]?.array ?? []).map { change in
            "            \(change["field"]?.string ?? ""): \(JSON.shown(change["from"])) → \(JSON.shown(change["to"]))"
        }
    }

    fileprivate var warningLines: [String] {
        (self["warnings"]?.array ?? []).map { Terminal.styled("            ! \($0["message"]?.string ?? "")", .warning) }
    }

    fileprivate static func shown(_ value: JSON?) -> String {
        switch value {
        case .string(let text): text
        case .number(let text): text
        case .bool(let isSo): isSo ? "yes" : "no"
        default: "–"
        }
    }
}

/// An error with its hint.
struct ErrorText {
    let error: JSON

    var lines: [String] {
        [
            Terminal.styled("\(error["code"]?.string ?? "?"): \(error["message"]?.string ?? "")", .error),
            Terminal.styled(error["hint"]?.string ?? "", .dim),
        ]
    }
}

extension String {
    /// Pads the text with spaces to a width on a terminal.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(width - TerminalText(self).description.displayWidth, 0))
    }
}
