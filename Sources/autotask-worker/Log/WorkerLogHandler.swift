import Logging
import Metrics
import Telemetry

/// The handler of the worker's log.
struct WorkerLogHandler: LogHandler {
    let label: String
    let stream: LogStream
    private let lines: Metered<Logger.Level, Counter>?
    /// The level of this logger alone; `nil` for the stream's, which a reload of the settings changes.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    /// - Parameters:
    ///   - label: the logger's.
    ///   - stream: where lines go.
    ///   - lines: counts them by level.
    init(_ label: String, to stream: LogStream, counting lines: Metered<Logger.Level, Counter>? = nil) {
        self.label = label
        self.stream = stream
        self.lines = lines
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? stream.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        // The worker's own loggers have none: what a message gives is taken as it is.
        if let given = event.metadata { if all.isEmpty { all = given } else { all.merge(given) { $1 } } }
        if let error = event.error {
            all["error.message"] = "\(error)"
            all["error.type"] = "\(String(reflecting: type(of: error)))"
        }
        var line: [UInt8] = []
        line.reserveCapacity(512)
        stream.format.append(event, of: label, all, to: &line)
        lines?[event.level].increment()
        stream.append(line, at: event.level)
    }
}

extension Logger.Level: MetricLabel {
    package static var metricLabel: String { "level" }
}
