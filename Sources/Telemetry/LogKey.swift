package import Logging

/// Every metadata key that the program logs.
///
/// Values never hold a secret, a payload, or an echo of either from Autotask. `tenant` is a log key and never a metric's label.
package enum LogKey: String, Sendable {
    case attempt
    case code
    case count
    case databaseID = "database_id"
    case delay
    case detail
    case duration
    case error
    case eventID = "event_id"
    case eventType = "event_type"
    case host
    case jobID = "job_id"
    case keyID = "key_id"
    case kind
    case messageID = "message_id"
    case outcome
    case port
    case product
    case publisher
    case queue
    case reason
    case scope
    case store
    case tenant
}

extension Logger {
    /// Adds metadata that every message of this logger carries.
    package subscript(key: LogKey) -> Logger.Metadata.Value? {
        get { self[metadataKey: key.rawValue] }
        set { self[metadataKey: key.rawValue] = newValue }
    }
}

extension Dictionary where Key == String, Value == Logger.Metadata.Value {
    /// Metadata whose keys all come from ``LogKey``: `log.info("Connected", metadata: .keys([.host: "…"]))`.
    package static func keys(_ values: KeyValuePairs<LogKey, Logger.Metadata.Value>) -> Logger.Metadata {
        var metadata = Logger.Metadata(minimumCapacity: values.count)
        for (key, value) in values { metadata[key.rawValue] = value }
        return metadata
    }
}
