import Logging

/// The handler of the worker's log.
struct WorkerLogHandler: LogHandler {
    let label: String
    let stream: LogStream
    let format: LogFormat
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(_ label: String, to stream: LogStream, as format: LogFormat = .text) {
        self.label = label
        self.stream = stream
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let given = event.metadata { all.merge(given) { $1 } }
        if let error = event.error {
            all["error.message"] = "\(error)"
            all["error.type"] = "\(String(reflecting: type(of: error)))"
        }
        var line: [UInt8] = []
        line.reserveCapacity(512)
        format.append(event, of: label, all, to: &line)
        stream.append(line, at: event.level)
    }
}
