import ArgumentParser
import Contract

/// The mistakes in names and values of settings.
struct SettingsCheck: CommandOutput {
    let settings: Configuration

    var json: JSON {
        .members([
            "good": settings.mistakes.isEmpty,
            "mistakes": settings.mistakes.map { JSON.members(["message": $0.message, "hint": $0.hint]) },
        ])
    }

    var documents: [JSON] { settings.mistakes.map { JSON.members(["message": $0.message, "hint": $0.hint]) } }

    var lines: [String] {
        let mistakes = settings.mistakes
        guard !mistakes.isEmpty else {
            let set = settings.entries.count(where: \.isSet)
            return ["All \(settings.entries.count) settings are right: \(set) are set, the others have their defaults."]
        }
        return mistakes.flatMap { [Terminal.styled("✗", .error) + " \($0.message)"] + ($0.hint.map { ["  \($0)"] } ?? []) }
    }

    var failure: (any Error)? { settings.mistakes.isEmpty ? nil : ExitCode(Failure.Status.usage.rawValue) }
}
