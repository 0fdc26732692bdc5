import Metrics
import Synchronization

/// One time series: a metric with values for its labels. Recording is one or two atomic additions.
protocol Series: AnyObject, Sendable {
    /// Appends its samples.
    ///
    /// - Parameter labels: of the form `{a="b"}`; empty without labels.
    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText)
}

final class CounterSeries: CounterHandler, Series {
    private let count = Atomic<Int64>(0)

    func increment(by amount: Int64) { count.add(amount, ordering: .relaxed) }

    func reset() { count.store(0, ordering: .relaxed) }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) {
        text.sample(name, labels, count.load(ordering: .relaxed))
    }
}

/// A sum of floating-point numbers, such as seconds.
final class Sum: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let (isExchanged, original) = bits.weakCompareExchange(
                expected: current,
                desired: (Double(bitPattern: current) + amount).bitPattern,
                ordering: .relaxed
            )
            if isExchanged { return }
            current = original
        }
    }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
}

final class FloatingPointCounterSeries: FloatingPointCounterHandler, Series {
    private let sum = Sum()

    /// A counter never falls: other amounts are ignored.
    func increment(by amount: Double) { if amount > 0, amount.isFinite { sum.add(amount) } }

    func reset() { sum.set(0) }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) { text.sample(name, labels, sum.value) }
}

final class GaugeSeries: MeterHandler, RecorderHandler, Series {
    private let sum = Sum()

    func set(_ value: Int64) { sum.set(Double(value)) }
    func set(_ value: Double) { sum.set(value) }
    func increment(by amount: Double) { sum.add(amount) }
    func decrement(by amount: Double) { sum.add(-amount) }
    func record(_ value: Int64) { sum.set(Double(value)) }
    func record(_ value: Double) { sum.set(value) }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) { text.sample(name, labels, sum.value) }
}

final class HistogramSeries: TimerHandler, RecorderHandler, Series {
    /// A bucket's own count: buckets are added up when they are read.
    private final class Bucket: Sendable {
        let count = Atomic<Int64>(0)
    }

    private let bounds: [Double]
    /// One more than there are bounds.
    private let buckets: [Bucket]
    private let sum = Sum()

    init(_ bounds: [Double]) {
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Bucket() }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        buckets[index].count.add(1, ordering: .relaxed)
        sum.add(value)
    }

    func write(_ name: String, _ labels: SeriesLabels, to text: inout ExpositionText) {
        var count: Int64 = 0
        for (index, bucket) in buckets.enumerated() {
            count += bucket.count.load(ordering: .relaxed)
            let bound = index < bounds.count ? ExpositionText.number(bounds[index]) : "+Inf"
            text.sample(name + "_bucket", labels.adding("le", bound), count)
        }
        text.sample(name + "_sum", labels, sum.value)
        text.sample(name + "_count", labels, count)
    }
}
