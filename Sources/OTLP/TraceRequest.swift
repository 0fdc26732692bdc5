import Contract
package import Telemetry
import Tracing

/// The body of an OTLP request over HTTP, in JSON: ids are hexadecimal, 64-bit integers are strings, enumerations are numbers.
///
/// It is written directly as bytes: a tree of values would take longer than the work that the spans are about.
package struct TraceRequest {
    private var bytes: [UInt8] = []

    /// - Parameters:
    ///   - spans: spans that have ended.
    ///   - resource: the attributes of the worker, in the order of the request.
    ///   - scope: the name and the version of the program that records the spans.
    package static func body(
        of spans: [SpanRecord],
        resource: [(name: String, value: String)],
        scope: (name: String, version: String)
    ) -> [UInt8] {
        var request = TraceRequest()
        request.bytes.reserveCapacity(1024 + spans.count * 1024)
        request.write(#"{"resourceSpans":[{"resource":{"attributes":["#)
        request.list(resource) { request, attribute in request.write(attribute.name, .text(attribute.value)) }
        request.write(#"]},"scopeSpans":[{"scope":{"name":"#)
        request.quote(scope.name)
        request.write(#","version":"#)
        request.quote(scope.version)
        request.write(#"},"spans":["#)
        request.list(spans) { request, span in request.write(span) }
        request.write("]}]}]}")
        return request.bytes
    }

    private mutating func write(_ span: SpanRecord) {
        write("{")
        write(span.context)
        if let parent = span.parent {
            write(#","parentSpanId":""#)
            write(parent.spanID.hexadecimal)
            write("\"")
        }
        write(#","flags":"#)
        write(String(TraceRequest.flags(span.context, isRemote: span.parent != nil && span.isParentRemote)))
        write(#","name":"#)
        quote(span.name)
        write(#","kind":"#)
        write(String(TraceRequest.number(of: span.kind)))
        write(#","startTimeUnixNano":""#)
        write(String(span.start))
        write(#"","endTimeUnixNano":""#)
        write(String(span.end))
        write(#"","attributes":["#)
        write(span.attributes)
        write("]")
        if !span.events.isEmpty {
            write(#","events":["#)
            list(span.events) { request, event in request.write(event) }
            write("]")
        }
        if !span.links.isEmpty {
            write(#","links":["#)
            list(span.links) { request, link in
                request.write("{")
                request.write(link)
                request.write(#","flags":"#)
                request.write(String(TraceRequest.flags(link, isRemote: true)))
                request.write("}")
            }
            write("]")
        }
        if span.hasFailed { write(#","status":{"code":2}"#) }
        write("}")
    }

    private mutating func write(_ context: SpanContext) {
        write(#""traceId":""#)
        write(context.traceID.hexadecimal)
        write(#"","spanId":""#)
        write(context.spanID.hexadecimal)
        write("\"")
    }

    private mutating func write(_ event: SpanRecord.Event) {
        write(#"{"timeUnixNano":""#)
        write(String(event.time))
        write(#"","name":"#)
        quote(event.name)
        write(#","attributes":["#)
        write(event.attributes)
        write("]}")
    }

    private mutating func write(_ attributes: [SpanKey: SpanRecord.Value]) {
        list(attributes) { request, attribute in request.write(attribute.key.rawValue, attribute.value) }
    }

    private mutating func write(_ name: String, _ value: SpanRecord.Value) {
        write(#"{"key":"#)
        quote(name)
        write(#","value":{"#)
        switch value {
        case .text(let text):
            write(#""stringValue":"#)
            quote(text)
        case .number(let number):
            write(#""intValue":""#)
            write(String(number))
            write("\"")
        case .fraction(let fraction):
            write(#""doubleValue":"#)
            // JSON has no infinity; protobuf's JSON has it as a string.
            write(fraction.isFinite ? "\(fraction)" : "\"\(fraction.isNaN ? "NaN" : fraction > 0 ? "Infinity" : "-Infinity")\"")
        case .truth(let truth): write(truth ? #""boolValue":true"# : #""boolValue":false"#)
        }
        write("}}")
    }

    // MARK: Text

    private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func quote(_ text: String) { JSON.append(quoted: text, to: &bytes) }

    /// Writes elements with commas between them.
    private mutating func list<Elements: Sequence>(_ elements: Elements, _ write: (inout TraceRequest, Elements.Element) -> Void) {
        var isFirst = true
        for element in elements {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(&self, element)
        }
    }

    // MARK: Numbers

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
}
