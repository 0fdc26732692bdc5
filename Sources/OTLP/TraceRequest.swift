import Contract
package import Telemetry
import Tracing

/// The body of an OTLP request over HTTP, in JSON: ids are hexadecimal, 64-bit integers are strings, enumerations are numbers.
package enum TraceRequest {
    /// - Parameters:
    ///   - resource: the attributes of the worker, in the order of the request.
    ///   - scope: the name and the version of the program that records the spans.
    package static func body(of spans: [SpanRecord], resource: [(String, String)], scope: (name: String, version: String)) -> [UInt8] {
        let body: JSON = [
            "resourceSpans": [
                [
                    "resource": ["attributes": .array(resource.map { attribute($0.0, ["stringValue": .string($0.1)]) })],
                    "scopeSpans": [
                        [
                            "scope": ["name": .string(scope.name), "version": .string(scope.version)],
                            "spans": .array(spans.map(json)),
                        ]
                    ],
                ]
            ]
        ]
        return body.encoded
    }

    private static func json(_ span: SpanRecord) -> JSON {
        var json: JSONObject = [
            "traceId": .string(span.context.traceID.hexadecimal),
            "spanId": .string(span.context.spanID.hexadecimal),
        ]
        if let parent = span.parent { json["parentSpanId"] = .string(parent.spanID.hexadecimal) }
        json["flags"] = JSON(flags(span.context, isRemote: span.parent == nil ? false : span.isParentRemote))
        json["name"] = .string(span.name)
        json["kind"] = JSON(number(of: span.kind))
        json["startTimeUnixNano"] = .string(String(span.start))
        json["endTimeUnixNano"] = .string(String(span.end))
        json["attributes"] = attributes(span.attributes)
        if !span.events.isEmpty { json["events"] = .array(span.events.map(event)) }
        if !span.links.isEmpty { json["links"] = .array(span.links.map(link)) }
        if span.hasFailed { json["status"] = ["code": 2] }
        return .object(json)
    }

    /// The flags of the trace context, and whether the parent (or the link) is a span of another process, which is then known.
    private static func flags(_ context: SpanContext, isRemote: Bool) -> Int { Int(context.flags) | 0x100 | (isRemote ? 0x200 : 0) }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func event(_ event: SpanRecord.Event) -> JSON {
        ["timeUnixNano": .string(String(event.time)), "name": .string(event.name), "attributes": attributes(event.attributes)]
    }

    private static func link(_ other: SpanContext) -> JSON {
        [
            "traceId": .string(other.traceID.hexadecimal), "spanId": .string(other.spanID.hexadecimal),
            "flags": JSON(flags(other, isRemote: true)),
        ]
    }

    private static func attributes(_ attributes: [SpanKey: SpanRecord.Value]) -> JSON {
        .array(attributes.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }.map { attribute($0.0, value($0.1)) })
    }

    private static func attribute(_ name: String, _ value: JSON) -> JSON { ["key": .string(name), "value": value] }

    private static func value(_ value: SpanRecord.Value) -> JSON {
        switch value {
        case .text(let text): ["stringValue": .string(text)]
        case .number(let number): ["intValue": .string(String(number))]
        // JSON has no infinity.
        case .fraction(let fraction): ["doubleValue": fraction.isFinite ? .number("\(fraction)") : .string("\(fraction)")]
        case .truth(let truth): ["boolValue": .bool(truth)]
        }
    }
}
