import ArgumentParser
import Operations

/// A health report as text: a line for each check, advice below those that do not pass, and a last line with a summary.
extension HealthReport: CommandOutput {
    var lines: [String] {
        let width = (checks.map(\.name.count).max() ?? 0) + 2
        let found = checks.flatMap { check in
            let advice = check.status == .pass ? nil : check.advice
            return ["\(check.status.mark) \(check.name.padded(width))\(check.output)"]
                + (advice.map { [String(repeating: " ", count: width + 2) + $0] } ?? [])
        }
        return found + [summary]
    }

    var failure: (any Error)? { status == .fail ? ExitCode.no : nil }

    private var summary: String {
        let (failing, warning, unknown) = (count(.fail), count(.warn), count(.unknown))
        var parts: [String] = []
        if failing > 0 { parts.append(Terminal.styled("\(failing) of \(checks.count) checks fail", .error)) }
        if warning > 0 { parts.append(Terminal.styled("\(warning) \(warning == 1 ? "deserves" : "deserve") a look", .warning)) }
        if unknown > 0 { parts.append("\(unknown) \(unknown == 1 ? "was" : "were") not made") }
        return parts.isEmpty ? Terminal.styled("All \(checks.count) checks pass.", .success) : parts.joined(separator: ", ") + "."
    }

    private func count(_ status: HealthReport.Status) -> Int { checks.count { $0.status == status } }
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
