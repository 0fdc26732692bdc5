import Contract

/// An event as a person reads it: the page's headline in its colour, then what matters of its data.
struct EventText {
    let event: JSON

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
            "connection.recovered":
            .success
        case "sync.started", "sync.progress": .dim
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
        case "integration.enabled": return "Your Autotask/Workplace integration is now enabled"
        case "job.deferred": return "until \(data["until"]?.string ?? "") (attempt \(number("attempt")))"
        default: return data["message"]?.string
        }
    }

    private func number(_ name: String) -> String {
        guard case .number(let text)? = data[name] else { return "?" }
        return text
    }

    private func details(of name: String) -> [String] {
        var lines: [String] = []
        if let zone = data["zone"] {
            lines.append("zone \(zone["name"]?.string ?? "?"), database \(number("databaseId")), user \(data["username"]?.string ?? "?")")
        }
        for code in data["billingCodes"]?.array ?? [] {
            guard case .number(let id)? = code["id"] else { continue }
            lines.append("\(id.padded(10)) \(code["name"]?.string ?? "")")
        }
        for service in data["services"]?.array ?? [] { lines += ServiceText(service: service).lines }
        for warning in data["warnings"]?.array ?? [] { lines.append(Terminal.styled("! \(warning["message"]?.string ?? "")", .warning)) }
        if let error = data["error"] { lines += ErrorText(error: error).lines }
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
        for change in service["changes"]?.array ?? [] where service["outcome"] == "updated" {
            lines.append("            \(change["field"]?.string ?? ""): \(shown(change["from"])) → \(shown(change["to"]))")
        }
        for warning in service["warnings"]?.array ?? [] {
            lines.append(Terminal.styled("            ! \(warning["message"]?.string ?? "")", .warning))
        }
        if let error = service["error"] { lines += ErrorText(error: error).lines.map { "            " + $0 } }
        return lines
    }

    private func shown(_ value: JSON?) -> String {
        switch value {
        case .string(let text): text
        case .number(let text): text
        default: "–"
        }
    }
}

/// An error, and what to do about it.
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
    /// With blanks behind it up to a width.
    func padded(_ width: Int) -> String { count >= width ? self : self + String(repeating: " ", count: width - count) }
}
