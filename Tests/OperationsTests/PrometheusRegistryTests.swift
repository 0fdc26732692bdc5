import Metrics
import Telemetry
import Testing

@testable import Operations

@Suite("Metrics as Prometheus reads them")
struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry()

    private func lines(_ name: String) async -> [String] {
        String(decoding: await registry.exposition(), as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix(name) || $0.contains(" \(name) ") }
    }

    private enum Color: String, MetricLabel {
        case red
        case green

        static var metricLabel: String { "color" }
    }

    @Test func `each value of a label has its series from the start`() async {
        let counters = Metered<Color, Counter>(.intake, to: registry)
        counters[.red].increment(by: 2)
        counters[.red].increment()
        #expect(
            await lines("autotask_worker_intake_total") == [
                "# HELP autotask_worker_intake_total Deliveries by what became of them.",
                "# TYPE autotask_worker_intake_total counter",
                #"autotask_worker_intake_total{color="green"} 0"#,
                #"autotask_worker_intake_total{color="red"} 3"#,
            ]
        )
    }

    @Test func `pairs that cannot be have no series`() async {
        let counters = MeteredPairs<Color, Pulse.Loop, Counter>(.attempts, to: registry) { $0 == .red && $1 == .lease }
        counters[.red, .lease]?.increment()
        #expect(counters[.green, .lease] == nil)
        #expect(await lines("autotask_worker_attempts_total{") == [#"autotask_worker_attempts_total{color="red",loop="lease"} 1"#])
    }

    @Test func `a histogram's buckets are cumulative, in seconds, and a value on a bound is in its bucket`() async {
        let timer = Timer(.commitTime, to: registry)
        timer.record(.milliseconds(1))
        timer.record(.milliseconds(30))
        timer.record(.seconds(60))
        timer.record(.seconds(-1))
        let name = "autotask_worker_store_commit_seconds"
        let bounds = ["0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "+Inf"]
        let buckets = zip(bounds, [2, 2, 2, 3, 3, 3, 3, 3, 3, 4])
        #expect(await lines(name + "_bucket") == buckets.map { "\(name)_bucket{le=\"\($0.0)\"} \($0.1)" })
        #expect(await lines(name + "_count") == ["\(name)_count 4"])
        #expect(await lines(name + "_sum") == ["\(name)_sum 60.031"])
    }

    @Test func `a counter that the system keeps is set, and has the type of a counter`() async {
        Gauges(registry).set(.processCPU, 1.5)
        #expect(
            await lines("process_cpu_seconds_total").suffix(2) == [
                "# TYPE process_cpu_seconds_total counter", "process_cpu_seconds_total 1.5",
            ]
        )
    }

    @Test func `label values are escaped, and names have only characters that Prometheus allows`() async {
        Counter(label: "a library's-metric", dimensions: [("the.key", "a\"b\\c\nd")], factory: registry).increment()
        #expect(
            await lines("a_library_s_metric_total") == [
                "# HELP a_library_s_metric_total Of a library.", "# TYPE a_library_s_metric_total counter",
                #"a_library_s_metric_total{the_key="a\"b\\c\nd"} 1"#,
            ]
        )
    }

    @Test func `libraries have a bounded number of series, and the worker's own come in addition`() async {
        for number in 0..<(PrometheusRegistry.foreignLimit * 2) {
            Counter(label: "requests", dimensions: [("path", "/\(number)")], factory: registry).increment()
        }
        #expect(await lines("requests_total{").count == PrometheusRegistry.foreignLimit)
        Counter(.fenced, to: registry).increment()
        #expect(await lines("autotask_worker_fenced_total").last == "autotask_worker_fenced_total 1")
    }

    @Test func `the same labels are the same series, and a name has one type`() async {
        Counter(label: "x", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "x", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        Meter(label: "x_total", dimensions: [], factory: registry).set(5)
        #expect(await lines("x_total").suffix(1) == [#"x_total{a="1",b="2"} 2"#])
    }

    @Test(arguments: MetricName.allCases)
    func `a metric's name has the suffix of its type`(name: MetricName) {
        let isCounter = name.family.form == .counter
        #expect(name.rawValue.hasSuffix("_total") == isCounter)
        #expect(name.family.help.hasSuffix(".") && !name.family.help.contains("\n"))
    }
}

@Suite("Zones as labels")
struct ZoneLabelTests {
    @Test(arguments: [
        ("webservices14.autotask.net", "webservices14"), ("webservices.autotask.net", "webservices"), ("127.0.0.1:8080", "other"),
        ("webservices14.example.com", "other"), ("webservices1234.autotask.net", "other"), ("webservices1x.autotask.net", "other"),
        ("", "other"),
    ])
    func `only a zone of Autotask is named`(host: String, label: String) { #expect(ZoneLabel().value(ofHost: host) == label) }

    @Test func `there are no more than forty`() {
        let zones = ZoneLabel()
        let labels = Set((1...300).map { zones.value(ofHost: "webservices\($0).autotask.net") })
        #expect(labels.count == ZoneLabel.limit && labels.contains(ZoneLabel.other))
        #expect(zones.value(ofHost: "webservices1.autotask.net") == "webservices1")
    }
}

@Suite("The pulse of a loop")
struct PulseTests {
    @Test func `a loop that rests has no age, and one that turns grows older until its next turn`() {
        let pulse = Pulse()
        #expect(pulse.age == .zero)
        pulse.turn()
        let first = pulse.age
        let second = pulse.age
        #expect(second >= first)
        pulse.rest()
        #expect(pulse.age == .zero)
    }
}
