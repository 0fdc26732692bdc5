import CRabbitMQ
import Contract

@testable import AMQP

extension FuzzTarget {
    /// A content header's flags and properties as RabbitMQ sends them; librabbitmq reads them, and the worker copies the result.
    func checkProperties(_ input: inout FuzzInput) throws(PropertyViolation) {
        var encoded = Array(input.remainder().prefix(FuzzTarget.largestFrame))
        var pool = amqp_pool_t()
        init_amqp_pool(&pool, 4096)
        defer { empty_amqp_pool(&pool) }
        var decoded: UnsafeMutableRawPointer?
        let status = encoded.withUnsafeMutableBytes {
            amqp_decode_properties(FuzzTarget.basicClass, &pool, amqp_bytes_t(len: $0.count, bytes: $0.baseAddress), &decoded)
        }
        guard status >= 0, let decoded else { return }
        // The texts are still in the input.
        let properties = encoded.withUnsafeBytes { _ in
            MessageProperties(decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee)
        }
        try hold(AMQPFieldValue.table(properties.headers).depth <= AMQPFieldValue.maximumDepth + 1, "the nesting of headers is limited")
        let traceparent = TraceContext.valid(properties.headers["traceparent"]?.string)
        try hold(traceparent == nil || traceparent?.utf8.count == 55, "a traceparent is unchanged")
        try holdSending(of: properties.headers)
    }

    /// The `basic` class of AMQP 0-9-1.
    private static let basicClass: UInt16 = 60
    /// The frame size that the worker and the broker agree on.
    private static let largestFrame = 131_072

    /// Sent headers are received, except those that are never sent.
    private func holdSending(of headers: [String: AMQPFieldValue]) throws(PropertyViolation) {
        let memory = BytePool()
        var table = memory.table(headers)
        var buffer = [UInt8](repeating: 0, count: 4 * FuzzTarget.largestFrame)
        var offset = 0
        let status = buffer.withUnsafeMutableBytes {
            amqp_encode_table(amqp_bytes_t(len: $0.count, bytes: $0.baseAddress), &table, &offset)
        }
        // The encoder refuses names of more than 255 bytes, which the replacement of invalid UTF-8 may cause.
        guard status >= 0 else { return }
        var pool = amqp_pool_t()
        init_amqp_pool(&pool, 4096)
        defer { empty_amqp_pool(&pool) }
        var again = amqp_table_t()
        let read = buffer.withUnsafeMutableBytes { bytes -> [String: AMQPFieldValue]? in
            var start = 0
            guard amqp_decode_table(amqp_bytes_t(len: offset, bytes: bytes.baseAddress), &pool, &again, &start) >= 0 else { return nil }
            return [String: AMQPFieldValue](again)
        }
        let received = try hold(read, "sent headers are readable")
        try hold(AMQPFieldValue.table(received).comparable == AMQPFieldValue.table(headers).comparable, "sent headers are received")
    }
}

extension AMQPFieldValue {
    fileprivate var depth: Int {
        switch self {
        case .array(let values): 1 + (values.map(\.depth).max() ?? 0)
        case .table(let values): 1 + (values.values.map(\.depth).max() ?? 0)
        default: 0
        }
    }

    /// The value as the receiver reads it, without values that do not equal themselves.
    fileprivate var comparable: AMQPFieldValue {
        switch self {
        case .array(let values): .array(values.map(\.comparable))
        case .table(let values): .table(values.mapValues(\.comparable))
        case .unsupported: .void
        case .double(let value) where value.isNaN: .void
        default: self
        }
    }
}
