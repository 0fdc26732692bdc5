package import Logging

/// Every metadata key that the program logs.
///
/// Values never hold a secret, a payload, or an echo of either from Autotask. `tenant` is a log key and never a metric's label.
package enum LogKey: String, Sendable {
    case apiCalls = "api_calls"
    case attempt
    case band
    case code
    case count
    case databaseID = "database_id"
    case delay = "delay_seconds"
    case detail
    case duration = "duration_seconds"
    case error
    case eventID = "event_id"
    case eventType = "event_type"
    case held
    case host
    case jobID = "job_id"
    case keyID = "key_id"
    case kind
    case messageID = "message_id"
    case new
    case nextAttempt = "next_attempt"
    case old
    case operation
    case outcome
    case port
    case product
    case publisher
    case queue
    case reason
    case scope
    case setting
    case store
    case tenant
    case traceID = "trace_id"
    case usedPercent = "used_percent"
}

extension LogKey {
    /// Whether its values are numbers, which a machine reads as such.
    package var isNumber: Bool {
        switch self {
        case .apiCalls, .attempt, .count, .databaseID, .delay, .duration, .held, .operation, .port, .usedPercent: true
        case .band, .code, .detail, .error, .eventID, .eventType, .host, .jobID, .keyID, .kind, .messageID, .new, .nextAttempt, .old,
            .outcome,
            .product, .publisher, .queue, .reason, .scope, .setting, .store, .tenant, .traceID:
            false
        }
    }
}

extension Duration {
    /// Seconds with milliseconds, as a log line has them: `0.012`.
    package var inLog: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let (whole, rest) = (abs(milliseconds) / 1000, abs(milliseconds) % 1000)
        return "\(milliseconds < 0 ? "-" : "")\(whole).\(String("00\(rest)".suffix(3)))"
    }
}

extension Logger {
    /// Adds metadata that every message of this logger carries.
    package subscript(key: LogKey) -> Logger.Metadata.Value? {
        get { self[metadataKey: key.rawValue] }
        set { self[metadataKey: key.rawValue] = newValue }
    }
}

extension Dictionary where Key == String, Value == Logger.Metadata.Value {
    package subscript(key: LogKey) -> Logger.Metadata.Value? {
        get { self[key.rawValue] }
        set { self[key.rawValue] = newValue }
    }

    /// Metadata whose keys all come from ``LogKey``: `log.info("Connected", metadata: .keys([.host: "…"]))`.
    package static func keys(_ values: KeyValuePairs<LogKey, Logger.Metadata.Value>) -> Logger.Metadata {
        var metadata = Logger.Metadata(minimumCapacity: values.count)
        for (key, value) in values { metadata[key.rawValue] = value }
        return metadata
    }
}
