/// The labels of a series, sorted by name.
struct SeriesLabels: Hashable, Sendable {
    private var pairs: [(name: String, value: String)]

    init(_ dimensions: [(String, String)]) {
        pairs = dimensions.map { (MetricText.name($0.0), $0.1) }.sorted { $0.name < $1.name }
    }

    func adding(_ name: String, _ value: String) -> SeriesLabels {
        var labels = self
        labels.pairs.append((name, value))
        return labels
    }

    var text: String {
        guard !pairs.isEmpty else { return "" }
        return "{" + pairs.map { "\($0.name)=\"\(MetricText.escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    static func == (left: SeriesLabels, right: SeriesLabels) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Prometheus's text format 0.0.4.
struct ExpositionText: ~Copyable {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var bytes: [UInt8] = []

    mutating func family(_ name: String, type: String, help: String) {
        bytes += "# HELP \(name) \(MetricText.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n".utf8
    }

    mutating func sample(_ name: String, _ labels: SeriesLabels, _ value: Int64) { line(name, labels, "\(value)") }

    mutating func sample(_ name: String, _ labels: SeriesLabels, _ value: Double) { line(name, labels, ExpositionText.number(value)) }

    private mutating func line(_ name: String, _ labels: SeriesLabels, _ value: String) {
        bytes += name.utf8
        bytes += labels.text.utf8
        bytes += " \(value)\n".utf8
    }

    /// A number as Prometheus writes it: `0.005`, `10`, `NaN`, `+Inf`.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

enum MetricText {
    /// A name that Prometheus accepts: other characters become `_`.
    static func name(_ text: String) -> String {
        var name = String(
            text.unicodeScalars.map { scalar -> Character in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_": Character(scalar)
                default: "_"
                }
            }
        )
        if name.first?.isNumber ?? true { name = "_" + name }
        return name
    }

    static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\"") }) else {
            return text
        }
        return text.reduce(into: "") { escaped, character in
            switch character {
            case "\\": escaped += "\\\\"
            case "\n", "\r\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.append(character)
            }
        }
    }
}
