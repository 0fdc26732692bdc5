import Operations

/// A health report for people: a line for each check, what to do below those that do not pass, and a last line that sums up.
struct HealthListing {
    let report: HealthReport

    func print() {
        let width = (report.checks.map(\.name.count).max() ?? 0) + 2
        for check in report.checks {
            let name = check.name + String(repeating: " ", count: width - check.name.count)
            Terminal.line("\(check.status.mark) \(name)\(check.output)")
            guard check.status != .pass, let advice = check.advice else { continue }
            Terminal.line(String(repeating: " ", count: width + 2) + advice)
        }
        Terminal.line(summary)
    }

    private var summary: String {
        let (failing, warning, unknown) = (count(.fail), count(.warn), count(.unknown))
        var parts: [String] = []
        if failing > 0 { parts.append(Terminal.styled("\(failing) of \(report.checks.count) checks fail", .error)) }
        if warning > 0 { parts.append(Terminal.styled("\(warning) \(warning == 1 ? "deserves" : "deserve") a look", .warning)) }
        if unknown > 0 { parts.append("\(unknown) \(unknown == 1 ? "was" : "were") not made") }
        return parts.isEmpty ? Terminal.styled("All \(report.checks.count) checks pass.", .success) : parts.joined(separator: ", ") + "."
    }

    private func count(_ status: HealthReport.Status) -> Int { report.checks.count { $0.status == status } }
}

extension HealthReport.Status {
    fileprivate var mark: String {
        switch self {
        case .pass: Terminal.styled("✓", .success)
        case .unknown: Terminal.styled("?", .dim)
        case .warn: Terminal.styled("!", .warning)
        case .fail: Terminal.styled("✗", .error)
        }
    }
}
