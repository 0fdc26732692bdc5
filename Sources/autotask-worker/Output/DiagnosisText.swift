import Contract

/// A step of a diagnosis, in the layout of `doctor`: mark and finding, and the advice below.
struct DiagnosisText {
    let step: JSON

    /// The length of the longest name, and two spaces.
    private static let width = (DiagnosisStep.Name.allCases.map(\.rawValue.count).max() ?? 0) + 2

    /// The lines of all steps. Steps that were not made for one reason share a line.
    static func lines(of steps: [JSON]) -> [String] {
        var lines: [String] = []
        var rest = steps[...]
        while let step = rest.first {
            let alike = rest.prefix { $0["result"] == "skipped" && $0["message"] == step["message"] }
            guard alike.count > 1 else {
                lines += DiagnosisText(step: step).lines
                rest.removeFirst()
                continue
            }
            rest.removeFirst(alike.count)
            let names = alike.compactMap { $0["step"]?.string }.joined(separator: ", ")
            lines += [
                "\(Terminal.styled("–", .dim)) \(step["message"]?.string ?? "")",
                String(repeating: " ", count: DiagnosisText.width + 2) + "That concerns \(names).",
            ]
        }
        return lines
    }

    private var lines: [String] {
        let name = step["step"]?.string ?? "?"
        let padding = String(repeating: " ", count: max(DiagnosisText.width - name.count, 1))
        let first = "\(mark) \(name)\(padding)\(step["message"]?.string ?? "")"
        guard let hint = step["hint"]?.string else { return [first] }
        return [first, String(repeating: " ", count: DiagnosisText.width + 2) + hint]
    }

    private var mark: String {
        switch step["result"]?.string.flatMap(DiagnosisStep.Result.init) {
        case .passed: Terminal.styled("✓", .success)
        case .warning: Terminal.styled("!", .warning)
        case .failed: Terminal.styled("✗", .error)
        case .skipped, nil: Terminal.styled("–", .dim)
        }
    }

    /// `2 of 12 steps fail, 7 were not made`.
    static func summary(of steps: [JSON]) -> String {
        func count(_ result: DiagnosisStep.Result) -> Int { steps.count { $0["result"] == .string(result.rawValue) } }
        let (failed, warnings, skipped) = (count(.failed), count(.warning), count(.skipped))
        var parts = [failed > 0 ? "\(failed) of \(steps.count) steps \(failed == 1 ? "fails" : "fail")" : "No step fails"]
        if warnings > 0 { parts.append("\(warnings) \(warnings == 1 ? "deserves" : "deserve") a look") }
        if skipped > 0 { parts.append("\(skipped) \(skipped == 1 ? "was" : "were") not made") }
        return parts.joined(separator: ", ") + "."
    }
}
