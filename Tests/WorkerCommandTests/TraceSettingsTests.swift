import ArgumentParser
import HTTP
import OTLP
import Telemetry
import Testing

@testable import autotask_worker

/// What the variables of OpenTelemetry mean for the worker.
struct TraceSettingsTests {
    private func traces(_ environment: [String: String]) async throws -> TraceSettings? {
        try TraceSettings(try await configuration([], environment), instance: "instance-1")
    }

    @Test func `traces are off until a collector is named, and can be switched off`() async throws {
        #expect(try await traces([:]) == nil)
        #expect(try await traces(["OTEL_TRACES_SAMPLER": "always_on"]) == nil)
        #expect(try await traces(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"]) == nil)
        #expect(try await traces(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"]) != nil)
    }

    @Test(
        arguments: [
            ("http://c:4318", nil, "http://c:4318/v1/traces"), ("http://c:4318/", nil, "http://c:4318/v1/traces"),
            ("https://c/base//", nil, "https://c/base/v1/traces"), (nil, "https://c/own", "https://c/own"),
            ("http://c:4318", "https://c/own", "https://c/own"),
        ] as [(String?, String?, String)]
    )
    func `the URL for traces is below the collector's, or its own`(base: String?, own: String?, url: String) async throws {
        var environment: [String: String] = [:]
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = base
        environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = own
        let settings = try #require(try await traces(environment))
        #expect(settings.exporter.url == url)
        #expect(try settings.transport.hosts.check(url).url == url)
        #expect(throws: HTTPError.self) { try settings.transport.hosts.check("https://webservices.autotask.net/") }
    }

    @Test func `values become settings of the exporter`() async throws {
        let settings = try #require(
            try await traces([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_BSP_SCHEDULE_DELAY": "20",
                "OTEL_BSP_EXPORT_TIMEOUT": "7000", "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "200",
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20a%2Cb, x-part = 1", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
                "SHUTDOWN_SECONDS": "20",
            ])
        )
        let exporter = settings.exporter
        #expect(exporter.timeout == .milliseconds(1500) && exporter.scheduleDelay == .milliseconds(20))
        #expect(exporter.exportTimeout == .seconds(7) && exporter.flushTime == .seconds(2))
        #expect(exporter.queueSize == 100 && exporter.batchSize == 100)
        #expect(exporter.headers.map(\.name) == ["authorization", "x-part"])
        let values = exporter.headers.map { header in header.withValue { bytes in bytes.indices.map { bytes[$0] } } }
        #expect(values.map { String(decoding: $0, as: UTF8.self) } == ["Bearer a,b", "1"])
        #expect(settings.transport.certificateAuthorityFile == "/ca.pem" && settings.transport.proxy == nil)
        #expect(settings.collector == "c:443")
    }

    @Test func `variables for traces come before those for everything`() async throws {
        let settings = try #require(
            try await traces([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "9",
                "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "c=d",
            ])
        )
        #expect(settings.exporter.timeout == .milliseconds(9) && settings.exporter.headers.map(\.name) == ["c"])
    }

    @Test func `the operator's attributes come before the worker's, and the service name before both`() async throws {
        func resource(_ more: [String: String]) async throws -> [String: String] {
            let settings = try await traces(["OTEL_EXPORTER_OTLP_ENDPOINT": "https://c"].merging(more) { $1 })
            return Dictionary(uniqueKeysWithValues: try #require(settings).exporter.resource.map { ($0.name, $0.value) })
        }
        let own = try await resource([:])
        #expect(own["service.name"] == "autotask-worker" && own["service.instance.id"] == "instance-1")
        #expect(own["service.version"] == Version.number && own["telemetry.sdk.language"] == "swift")
        let given = try await resource(["OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.instance.id=b,team=c%20d"])
        #expect(given["service.name"] == "a" && given["service.instance.id"] == "b" && given["team"] == "c d")
        let named = try await resource(["OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "e"])
        #expect(named["service.name"] == "e")
    }

    @Test(
        arguments: [
            ("always_on", Sampler(.always, followsParent: false)), ("always_off", Sampler(.never, followsParent: false)),
            ("traceidratio", Sampler(.ratio(0.25), followsParent: false)),
            ("parentbased_always_on", Sampler(.always, followsParent: true)),
            ("parentbased_always_off", Sampler(.never, followsParent: true)),
            ("parentbased_traceidratio", Sampler(.ratio(0.25), followsParent: true)),
        ]
    )
    func `samplers have their standard names`(name: String, sampler: Sampler) async throws {
        let settings = try await traces([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.25",
        ])
        #expect(settings?.sampler == sampler)
    }
}
