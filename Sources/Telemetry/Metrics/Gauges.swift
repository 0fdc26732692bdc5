package import Metrics
import Synchronization

/// Gauges by name and labels. A handle is made when its labels are set for the first time.
package final class Gauges: Sendable {
    private struct Key: Hashable {
        let name: MetricName
        let labels: [String: String]
    }

    private let factory: any MetricsFactory
    private let handles = Mutex<[Key: Meter]>([:])

    package init(_ factory: any MetricsFactory) { self.factory = factory }

    package func set(_ name: MetricName, _ value: some GaugeValue) { set(name, [:], value) }

    /// - Parameter labels: values of bounded sets only (see ``MetricName``).
    package func set(_ name: MetricName, _ labels: [String: String], _ value: some GaugeValue) {
        let key = Key(name: name, labels: labels)
        let handle = handles.withLock { handles in
            if let known = handles[key] { return known }
            let made = Meter(name, labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: factory)
            handles[key] = made
            return made
        }
        handle.set(value.reading)
    }
}

package protocol GaugeValue {
    var reading: Double { get }
}

extension Double: GaugeValue {
    package var reading: Double { self }
}

extension Int: GaugeValue {
    package var reading: Double { Double(self) }
}

extension Int64: GaugeValue {
    package var reading: Double { Double(self) }
}
