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

/// One handle for each value of a label, made at the start: recording is a look-up and the handle's own work.
package struct Metered<Label: MetricLabel, Handle: Sendable>: Sendable {
    private let handles: [Label: Handle]

    private init(_ make: (Label) -> Handle) {
        handles = Dictionary(uniqueKeysWithValues: Label.allCases.map { ($0, make($0)) })
    }

    package subscript(label: Label) -> Handle { handles[label]! }
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
    private struct Pair: Hashable {
        let first: First
        let second: Second
    }

    private let handles: [Pair: Handle]

    private init(where isPossible: (First, Second) -> Bool, _ make: (First, Second) -> Handle) {
        var handles: [Pair: Handle] = [:]
        for first in First.allCases {
            for second in Second.allCases where isPossible(first, second) {
                handles[Pair(first: first, second: second)] = make(first, second)
            }
        }
        self.handles = handles
    }

    /// - Returns: `nil` for a pair that was said to be impossible.
    package subscript(first: First, second: Second) -> Handle? { handles[Pair(first: first, second: second)] }
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
