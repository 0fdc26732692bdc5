import Contract
import Operations
import Testing

@testable import autotask_worker

/// The configuration from only the given options and variables.
///
/// - Parameter arguments: options, each followed by its value, as on the command line.
func configuration(_ arguments: [String] = [], _ environment: [String: String] = [:]) async throws -> Configuration {
    var options = Dictionary(uniqueKeysWithValues: stride(from: 0, to: arguments.count, by: 2).map { (arguments[$0], arguments[$0 + 1]) })
    let file = options.removeValue(forKey: "--config")
    let values = try options.map { option, value in (try #require(SettingsTable.all.first { $0.option == option }).name, value) }
    return try await Configuration(Dictionary(uniqueKeysWithValues: values), file: file, environment: environment)
}

let now = Timestamp("2026-11-30T12:00:00Z")!

extension HealthReport.Check {
    /// `warn door: Nobody takes jobs…`, for a comparison of its beginning.
    var summary: String { "\(status.rawValue) \(name): \(output)" }
}

extension [HealthReport.Check] {
    var summaries: [String] { map(\.summary) }
}
