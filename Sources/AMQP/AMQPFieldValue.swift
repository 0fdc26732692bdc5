/// A value of a header or of an argument.
package indirect enum AMQPFieldValue: Hashable, Sendable {
    case bool(Bool)
    /// Every width of integer; sent as 32 or 64 bits, whichever it needs.
    case integer(Int64)
    case double(Double)
    case string(String)
    /// A string that is not UTF-8, or AMQP's byte array.
    case bytes([UInt8])
    /// Seconds since 1970.
    case timestamp(UInt64)
    case array([AMQPFieldValue])
    case table([String: AMQPFieldValue])
    case void
    /// A kind that nothing here has a use for (decimal), or what nests too deep; it is read as this and never sent.
    case unsupported

    /// How deep arrays and tables may nest in a header. RabbitMQ's own, `x-death`, reach 2; a publisher's may be as deep as a frame is
    /// long, which is deeper than a thread's stack.
    package static let maximumDepth = 16

    /// The string, if it is one.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }
}

extension AMQPFieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
