package import Metrics

/// The values of a label: an enumeration, so that the number of series is bounded.
package protocol MetricLabel: CaseIterable, Hashable, Sendable {
    /// The label's name in Prometheus.
    static var metricLabel: String { get }
    var metricValue: String { get }
}

extension MetricLabel where Self: RawRepresentable, RawValue == String {
    package var metricValue: String { rawValue }
}

extension MetricLabel {
    /// The value's position among all cases: the tag by which an enumeration without payloads is represented.
    fileprivate var position: Int { unsafe withUnsafeBytes(of: self) { unsafe Int($0.first ?? 0) } }

    /// All cases, each at its ``position``.
    fileprivate static var cases: [Self] {
        let cases = Array(allCases)
        let isPlain = MemoryLayout<Self>.size <= 1 && cases.indices.allSatisfy { cases[$0].position == $0 }
        precondition(isPlain, "\(Self.self) is not an enumeration without payloads")
        return cases
    }
}

/// One handle for each value of a label, made at the start: recording is an access to an array and the handle's own work.
///
/// This is generic code that other modules call as such: a dictionary would cost it several times as much.
package struct Metered<Label: MetricLabel, Handle: Sendable>: Sendable {
    private let handles: [Handle]

    private init(_ make: (Label) -> Handle) { handles = Label.cases.map(make) }

    package subscript(label: Label) -> Handle { handles[label.position] }
}

extension Metered where Handle == Counter {
    /// - Parameter dimensions: further labels, with one value each.
    package init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init { Counter(name, dimensions + [(Label.metricLabel, $0.metricValue)], to: factory) }
    }
}

extension Metered where Handle == Timer {
    package init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init { Timer(name, dimensions + [(Label.metricLabel, $0.metricValue)], to: factory) }
    }
}

extension Metered where Handle == Meter {
    package init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init { Meter(name, dimensions + [(Label.metricLabel, $0.metricValue)], to: factory) }
    }
}

/// One handle for each pair of two labels' values.
package struct MeteredPairs<First: MetricLabel, Second: MetricLabel, Handle: Sendable>: Sendable {
    /// By the first label, then the second; `nil` for impossible pairs.
    private let handles: [Handle?]
    private let seconds: Int

    private init(where isPossible: (First, Second) -> Bool, _ make: (First, Second) -> Handle) {
        let seconds = Second.cases
        handles = First.cases.flatMap { first in seconds.map { isPossible(first, $0) ? make(first, $0) : nil } }
        self.seconds = seconds.count
    }

    /// - Returns: `nil` for a pair that was said to be impossible.
    package subscript(first: First, second: Second) -> Handle? { handles[first.position * seconds + second.position] }
}

extension MeteredPairs where Handle == Counter {
    /// - Parameter isPossible: whether the pair can occur; others have no series.
    package init(_ name: MetricName, to factory: any MetricsFactory, where isPossible: (First, Second) -> Bool = { _, _ in true }) {
        self.init(where: isPossible) {
            Counter(name, [(First.metricLabel, $0.metricValue), (Second.metricLabel, $1.metricValue)], to: factory)
        }
    }
}

extension MeteredPairs where Handle == Timer {
    package init(_ name: MetricName, to factory: any MetricsFactory, where isPossible: (First, Second) -> Bool = { _, _ in true }) {
        self.init(where: isPossible) {
            Timer(name, [(First.metricLabel, $0.metricValue), (Second.metricLabel, $1.metricValue)], to: factory)
        }
    }
}

// MARK: - Single handles

extension Counter {
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }
}

extension Timer {
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }

    package func record(_ duration: Duration) { recordNanoseconds(duration.nanoseconds) }
}

extension Meter {
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }
}

extension Recorder {
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], to factory: any MetricsFactory) {
        self.init(label: name.rawValue, dimensions: dimensions, aggregate: true, factory: factory)
    }
}

extension Duration {
    /// A negative duration, after a clock was set back, is 0.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooLong ? .max : product + attoseconds / 1_000_000_000
    }
}
