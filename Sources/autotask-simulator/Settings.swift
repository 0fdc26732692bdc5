import Contract

/// Settings for all databases.
struct Settings: Sendable {
    /// The minimum duration of every call, unless its database has another one.
    var latency = Duration.zero
    /// The scale of the delays by quota: 1 for the real ones, 0 for none.
    var quotaLatencyScale = 1.0
    var recordBodies = true
    /// The maximum number of recorded calls of each database.
    var recordLimit = 10_000

    mutating func apply(_ change: SettingsChange) {
        if let milliseconds = change.latencyMilliseconds { latency = .milliseconds(milliseconds) }
        if let scale = change.quotaLatencyScale { quotaLatencyScale = scale }
        if let bodies = change.recordBodies { recordBodies = bodies }
        if let limit = change.recordLimit { recordLimit = limit }
    }

    var json: JSON {
        [
            "latencyMilliseconds": .integer(Int(latency / .milliseconds(1))),
            "quotaLatencyScale": .number(String(quotaLatencyScale)),
            "recordBodies": .bool(recordBodies),
            "recordLimit": .integer(recordLimit),
        ]
    }
}

/// New settings. Members that are `nil` change nothing.
struct SettingsChange: Decodable, Sendable {
    var latencyMilliseconds: Int?
    var quotaLatencyScale: Double?
    var recordBodies: Bool?
    var recordLimit: Int?
}
