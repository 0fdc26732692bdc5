import Contract
import OTLP
import Testing

@testable import Telemetry

/// OTLP's JSON, by its rules: ids are hexadecimal, 64-bit integers are strings, enumerations are numbers.
struct TraceRequestTests {
    private func json(_ span: SpanRecord) throws -> JSON {
        try JSON(parsing: TraceRequest.body(of: [span], resource: [("service.name", "worker")], scope: ("autotask-worker", "1")))
    }

    private func span(_ span: SpanRecord) throws -> JSONObject {
        try #require(try json(span)["resourceSpans"]?.array?[0]["scopeSpans"]?.array?[0]["spans"]?.array?[0].object)
    }

    @Test func `a span with everything`() throws {
        let parent = SpanContext(traceID: SpanContext.TraceID(high: 0xAB, low: 0xCD), spanID: 0xEF, flags: 1)
        let span = SpanRecord.sample(
            0x12,
            parent: parent,
            attributes: [.tenant: "acme \"1\"", .attempt: .number(1 << 60), .isScheduled: true, .wait: .fraction(0.25)],
            events: [SpanRecord.Event(name: "retry", time: 7, attributes: [.httpStatus: .number(503)])],
            links: [parent],
            hasFailed: true
        )
        let expected: JSON = [
            "resourceSpans": [
                [
                    "resource": ["attributes": [["key": "service.name", "value": ["stringValue": "worker"]]]],
                    "scopeSpans": [
                        [
                            "scope": ["name": "autotask-worker", "version": "1"],
                            "spans": [
                                [
                                    "traceId": "00000000000000ab00000000000000cd",
                                    "spanId": "0000000000000012",
                                    "parentSpanId": "00000000000000ef",
                                    "flags": 0x301,
                                    "name": "process jobs",
                                    "kind": 5,
                                    "startTimeUnixNano": "1764576000123456789",
                                    "endTimeUnixNano": "1764576001000000000",
                                    "attributes": [
                                        ["key": "autotask.job.attempt", "value": ["intValue": "1152921504606846976"]],
                                        ["key": "autotask.job.scheduled", "value": ["boolValue": true]],
                                        ["key": "autotask.job.wait_seconds", "value": ["doubleValue": .number("0.25")]],
                                        ["key": "autotask.tenant", "value": ["stringValue": "acme \"1\""]],
                                    ],
                                    "events": [
                                        [
                                            "timeUnixNano": "7", "name": "retry",
                                            "attributes": [["key": "http.response.status_code", "value": ["intValue": "503"]]],
                                        ]
                                    ],
                                    "links": [
                                        ["traceId": "00000000000000ab00000000000000cd", "spanId": "00000000000000ef", "flags": 0x301]
                                    ],
                                    "status": ["code": 2],
                                ]
                            ],
                        ]
                    ],
                ]
            ]
        ]
        #expect(try sorted(json(span)) == expected)
    }

    @Test(
        arguments: [(Double.infinity, JSON.string("Infinity")), (-.infinity, "-Infinity"), (.nan, "NaN"), (1e300, .number("1e+300"))]
    )
    func `fractions are those of protobuf's JSON`(fraction: Double, value: JSON) throws {
        let span = try span(.sample(1, attributes: [.wait: .fraction(fraction)]))
        #expect(span["attributes"] == [["key": "autotask.job.wait_seconds", "value": ["doubleValue": value]]])
    }

    /// The order of attributes is free.
    private func sorted(_ json: JSON) -> JSON {
        switch json {
        case .array(let elements):
            return .array(elements.map(sorted).sorted { ($0["key"]?.string ?? "") < ($1["key"]?.string ?? "") })
        case .object(var object):
            for member in object.members { object[member.name] = sorted(member.value) }
            return .object(object)
        default: return json
        }
    }

    @Test func `a span without anything leaves the members out`() throws {
        let span = try span(.sample(1))
        #expect(
            span.members.map(\.name) == [
                "traceId", "spanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
            ]
        )
        #expect(span["flags"] == 0x101)
    }
}
