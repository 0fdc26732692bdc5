/// A value of a header or of an argument.
package indirect enum AMQPFieldValue: Hashable, Sendable {
    case bool(Bool)
    /// An integer of any width, sent as 32 or 64 bits as needed.
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
    /// A received value of an unused kind (decimal), or one that nests too deep. It is never sent.
    case unsupported

    /// The maximum depth of arrays and tables in a header. RabbitMQ's own header `x-death` reaches 2. A publisher's may be as deep as a
    /// frame is long, which would overflow a thread's stack.
    package static let maximumDepth = 16

    /// The value, if it is a string.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }
}

extension AMQPFieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
