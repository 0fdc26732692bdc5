package import Tracing

/// A span that has ended.
package struct SpanRecord: Sendable {
    /// The value of an attribute.
    package enum Value: Hashable, Sendable {
        case text(String)
        case number(Int64)
        case fraction(Double)
        case truth(Bool)
    }

    package struct Event: Sendable {
        package let name: String
        /// Nanoseconds since 1970.
        package let time: UInt64
        package let attributes: [SpanKey: Value]
    }

    package let context: SpanContext
    package let parent: SpanContext?
    /// Whether the parent is a span of another process.
    package let isParentRemote: Bool
    package let name: String
    package let kind: SpanKind
    /// Nanoseconds since 1970.
    package let start: UInt64
    /// Nanoseconds since 1970; not before ``start``.
    package let end: UInt64
    package let attributes: [SpanKey: Value]
    package let events: [Event]
    package let links: [SpanContext]
    package let hasFailed: Bool
}

/// Takes spans when they end. It must not block.
package protocol SpanSink: Sendable {
    func accept(_ span: SpanRecord)
}

extension SpanRecord.Value: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(booleanLiteral value: Bool) { self = .truth(value) }
    package init(_ value: String) { self = .text(value) }
    package init(_ value: Int) { self = .number(Int64(value)) }

    /// - Returns: `nil` for a list, or a value of a library's own type: it could hold anything.
    init?(_ attribute: SpanAttribute) {
        switch attribute {
        case .string(let text): self = .text(text)
        case .bool(let truth): self = .truth(truth)
        case .int32(let number): self = .number(Int64(number))
        case .int64(let number): self = .number(number)
        case .double(let fraction): self = .fraction(fraction)
        default: return nil
        }
    }

    var attribute: SpanAttribute {
        switch self {
        case .text(let text): .string(text)
        case .number(let number): .int64(number)
        case .fraction(let fraction): .double(fraction)
        case .truth(let truth): .bool(truth)
        }
    }
}
