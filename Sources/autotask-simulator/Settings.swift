import Contract

/// What holds for all databases.
struct Settings: Sendable {
    /// How long every call takes at least, where its database does not say otherwise.
    var latency = Duration.zero
    /// How much of the quota's slowing-down is acted out: 1 all of it, 0 nothing.
    var quotaLatencyScale = 1.0
    var recordBodies = true
    /// How many calls are kept of each database.
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

/// New settings; what is `nil` stays as it is.
struct SettingsChange: Decodable, Sendable {
    var latencyMilliseconds: Int?
    var quotaLatencyScale: Double?
    var recordBodies: Bool?
    var recordLimit: Int?
}
