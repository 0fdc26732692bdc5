package import Metrics
import Synchronization
import Telemetry

/// The metrics of a process, for Prometheus to read. As the `MetricsFactory` of swift-metrics, it also has the metrics of libraries.
///
/// The number of series is bounded. Those of ``MetricName`` are bounded by their labels. Libraries may add ``foreignLimit`` more: a further
/// one is recorded nowhere.
package final class PrometheusRegistry: MetricsFactory, Sendable {
    /// The maximum number of series that are not of ``MetricName``.
    package static let foreignLimit = 100

    private struct Family {
        var form: MetricFamily.Form
        var help: String
        var series: [SeriesLabels: any Series] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var foreign = 0
        var collectors: [@Sendable () async -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Adds a function that sets gauges. Each scrape calls it first. It must not block for long.
    package func beforeScrape(_ collect: @escaping @Sendable () async -> Void) { state.withLock { $0.collectors.append(collect) } }

    /// The present values in Prometheus's text format 0.0.4.
    package func exposition() async -> [UInt8] {
        for collect in state.withLock({ $0.collectors }) { await collect() }
        let families = state.withLock { $0.families }
        var text = ExpositionText()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text.family(name, type: family.form.word, help: family.help)
            for (labels, series) in family.series.sorted(by: { $0.key.text < $1.key.text }) { series.write(name, labels, to: &text) }
        }
        return text.bytes
    }

    // MARK: For swift-metrics

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter, suffix: "_total", CounterSeries.init) ?? NOOPMetricsHandler.instance
    }

    package func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter, suffix: "_total", FloatingPointCounterSeries.init) ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        // A counter that the system keeps is set, not incremented.
        let form = MetricName(rawValue: label)?.family.form ?? .gauge
        return series(label, dimensions, form, GaugeSeries.init) ?? NOOPMetricsHandler.instance
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, dimensions, .gauge, GaugeSeries.init) ?? NOOPMetricsHandler.instance }
        let bounds = bounds(of: label)
        return series(label, dimensions, .histogram(bounds)) { HistogramSeries(bounds) } ?? NOOPMetricsHandler.instance
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let bounds = bounds(of: label)
        return series(label, dimensions, .histogram(bounds), suffix: "_seconds") { HistogramSeries(bounds) } ?? NOOPMetricsHandler.instance
    }

    /// A series stays for the life of the process, as Prometheus expects of a counter.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func bounds(of label: String) -> [Double] {
        if case .histogram(let bounds) = MetricName(rawValue: label)?.family.form { bounds } else { MetricFamily.durations }
    }

    /// The series of these labels, new or not.
    ///
    /// - Parameter suffix: of the names of libraries' metrics.
    /// - Returns: `nil` if libraries have too many, or the name belongs to a metric of another type.
    private func series<New: Series>(
        _ label: String,
        _ dimensions: [(String, String)],
        _ form: MetricFamily.Form,
        suffix: String = "",
        _ make: () -> New
    ) -> New? {
        let own = MetricName(rawValue: label)
        var name = MetricText.name(label)
        if own == nil, !name.hasSuffix(suffix) { name += suffix }
        let labels = SeriesLabels(dimensions)
        return state.withLock { state in
            if let family = state.families[name] {
                guard family.form == form else { return nil }
                if let present = family.series[labels] { return present as? New }
            }
            if own == nil {
                guard state.foreign < PrometheusRegistry.foreignLimit else { return nil }
                state.foreign += 1
            }
            let new = make()
            state.families[name, default: Family(form: form, help: own?.family.help ?? "Of a library.")].series[labels] = new
            return new
        }
    }
}

extension MetricFamily.Form {
    fileprivate var word: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}
