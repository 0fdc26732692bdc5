import Logging
import Telemetry

/// How a log line is written (`LOG_FORMAT`). All formats have the same words, and times in UTC with milliseconds.
enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-11-30T14:00:00.031Z info autotask-worker: tenant=msp-1 [Engine] Job attempt ended`
    case text
    /// One JSON object a line, in which numbers are numbers.
    case json
    /// `time=2026-11-30T14:00:00.031Z level=info msg="Job attempt ended" logger=autotask-worker source=Engine tenant=msp-1`
    case logfmt

    /// The text around the line's time.
    var timeFrame: (before: String, after: String) {
        switch self {
        case .text: ("", " ")
        case .json: (#"{"time":""#, #"","#)
        case .logfmt: ("time=", " ")
        }
    }

    /// Appends a line without its time.
    func append(_ event: LogEvent, of label: String, _ metadata: Logger.Metadata, to line: inout [UInt8]) {
        append(event.level, event.message.description, label, event.source, metadata.sorted { $0.key < $1.key }, to: &line)
    }

    func append(
        _ level: Logger.Level,
        _ message: String,
        _ label: String,
        _ source: String,
        _ metadata: [(key: String, value: Logger.MetadataValue)],
        to line: inout [UInt8]
    ) {
        switch self {
        case .text:
            line += level.rawValue.utf8
            line.append(UInt8(ascii: " "))
            line += label.utf8
            line.append(UInt8(ascii: ":"))
            for (key, value) in metadata {
                line.append(UInt8(ascii: " "))
                line += key.utf8
                line.append(UInt8(ascii: "="))
                line += value.text.utf8
            }
            line += " [".utf8
            line += source.utf8
            line += "] ".utf8
            line += message.utf8
        case .json:
            line += #""level":""#.utf8
            line += level.rawValue.utf8
            line += #"","message":"#.utf8
            LogFormat.quote(message, to: &line)
            line += #","logger":"#.utf8
            LogFormat.quote(label, to: &line)
            line += #","source":"#.utf8
            LogFormat.quote(source, to: &line)
            for (key, value) in metadata {
                line.append(UInt8(ascii: ","))
                LogFormat.quote(LogFormat.free(key), to: &line)
                line.append(UInt8(ascii: ":"))
                let text = value.text
                if LogFormat.isNumber(text, of: key) { line += text.utf8 } else { LogFormat.quote(text, to: &line) }
            }
            line.append(UInt8(ascii: "}"))
        case .logfmt:
            line += "level=\(level.rawValue) msg=".utf8
            LogFormat.appendWord(message, to: &line)
            line += " logger=".utf8
            LogFormat.appendWord(label, to: &line)
            line += " source=".utf8
            LogFormat.appendWord(source, to: &line)
            for (key, value) in metadata {
                line.append(UInt8(ascii: " "))
                line += LogFormat.free(key).map { $0.isWhitespace || $0 == "=" || $0 == "\"" ? "_" : String($0) }.joined().utf8
                line.append(UInt8(ascii: "="))
                LogFormat.appendWord(value.text, to: &line)
            }
        }
        line.append(UInt8(ascii: "\n"))
    }

    /// A key that the line has anyway gets another name, so that none is written twice.
    private static func free(_ key: String) -> String {
        ["time", "level", "message", "msg", "logger", "source"].contains(key) ? key + "_" : key
    }

    /// Whether a value is written as a number: one of a numeric key, in the form of a JSON number.
    private static func isNumber(_ text: String, of key: String) -> Bool {
        guard LogKey(rawValue: key)?.isNumber == true else { return false }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.count - digits.count <= 1, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } }) else {
            return false
        }
        return parts[0].first != UInt8(ascii: "0") || parts[0].count == 1
    }

    /// A word is quoted if it is empty or has a blank, a quote, `=`, or anything that is not printable.
    private static func appendWord(_ text: String, to line: inout [UInt8]) {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        if isPlain { line += text.utf8 } else { quote(text, to: &line) }
    }

    /// Appends a JSON string. Control characters are escaped, so that a value stays on its line.
    private static func quote(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): line += #"\""#.utf8
            case UInt8(ascii: "\\"): line += #"\\"#.utf8
            case UInt8(ascii: "\n"): line += #"\n"#.utf8
            case UInt8(ascii: "\r"): line += #"\r"#.utf8
            case UInt8(ascii: "\t"): line += #"\t"#.utf8
            case ..<0x20, 0x7F: line += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: line.append(byte)
            }
        }
        line.append(UInt8(ascii: "\""))
    }
}

extension Logger.MetadataValue {
    fileprivate var text: String {
        switch self {
        case .string(let text): text
        case .stringConvertible, .array, .dictionary: description
        }
    }
}

extension Logger.Level {
    /// The priority in front of a line, by which journald sorts it (`sd-daemon(3)`).
    var journalPriority: String {
        switch self {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        case .critical: "<2>"
        }
    }
}
