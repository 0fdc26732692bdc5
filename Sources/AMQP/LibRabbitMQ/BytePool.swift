import CRabbitMQ

/// Memory for the arguments of one call to librabbitmq: allocated piece by piece, released all at once.
///
/// It belongs to one ``BrokerConnection``, and to its thread.
struct BytePool: ~Copyable {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        init_amqp_pool(pool, 16384)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    /// Releases everything.
    func recycle() { recycle_amqp_pool(pool) }

    /// The UTF-8 of a string, valid until ``recycle()``.
    func bytes(_ string: String) -> amqp_bytes_t {
        var string = string
        return string.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
    }

    func bytes(_ bytes: [UInt8]) -> amqp_bytes_t {
        bytes.withUnsafeBytes { copy($0) }
    }

    private func copy(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard let base = source.baseAddress, source.count > 0 else { return amqp_empty_bytes }
        var bytes = amqp_bytes_t()
        amqp_pool_alloc_bytes(pool, source.count, &bytes)
        bytes.bytes?.copyMemory(from: base, byteCount: source.count)
        return bytes
    }

    func table(_ values: [String: AMQPFieldValue]) -> amqp_table_t {
        guard !values.isEmpty else { return amqp_empty_table }
        let entries = array(of: amqp_table_entry_t.self, count: values.count)
        for (index, (key, value)) in values.enumerated() {
            entries[index] = amqp_table_entry_t(key: bytes(key), value: field(value))
        }
        return amqp_table_t(num_entries: Int32(values.count), entries: entries)
    }

    private func field(_ value: AMQPFieldValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        switch value {
        case .bool(let value):
            field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            field.value.boolean = value ? 1 : 0
        case .integer(let value):
            if let short = Int32(exactly: value) {
                field.kind = UInt8(AMQP_FIELD_KIND_I32.rawValue)
                field.value.i32 = short
            } else {
                field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
                field.value.i64 = value
            }
        case .double(let value):
            field.kind = UInt8(AMQP_FIELD_KIND_F64.rawValue)
            field.value.f64 = value
        case .string(let value):
            field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            field.value.bytes = bytes(value)
        case .bytes(let value):
            field.kind = UInt8(AMQP_FIELD_KIND_BYTES.rawValue)
            field.value.bytes = bytes(value)
        case .timestamp(let value):
            field.kind = UInt8(AMQP_FIELD_KIND_TIMESTAMP.rawValue)
            field.value.u64 = value
        case .array(let values):
            field.kind = UInt8(AMQP_FIELD_KIND_ARRAY.rawValue)
            let entries = array(of: amqp_field_value_t.self, count: values.count)
            for (index, value) in values.enumerated() { entries[index] = self.field(value) }
            field.value.array = amqp_array_t(num_entries: Int32(values.count), entries: entries)
        case .table(let values):
            field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            field.value.table = table(values)
        case .void, .unsupported:
            field.kind = UInt8(AMQP_FIELD_KIND_VOID.rawValue)
        }
        return field
    }

    private func array<Element>(of type: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
        // The pool aligns to 8 bytes, which suffices for librabbitmq's structs. It returns `nil` only when memory has run out. A count of 0
        // still needs a pointer.
        amqp_pool_alloc(pool, max(count, 1) * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: max(count, 1))
    }
}

extension amqp_bytes_t {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: len) }
    /// A copy as text; invalid UTF-8 is replaced.
    var string: String { String(decoding: buffer, as: UTF8.self) }
}

extension AMQPFieldValue {
    /// Copies a value out of librabbitmq's memory.
    ///
    /// - Parameter depth: the number of arrays and tables around the value. A value deeper than ``maximumDepth`` is ``unsupported``.
    init(_ field: amqp_field_value_t, depth: Int = 0) {
        switch amqp_field_value_kind_t(UInt32(field.kind)) {
        case AMQP_FIELD_KIND_BOOLEAN: self = .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_I8: self = .integer(Int64(field.value.i8))
        case AMQP_FIELD_KIND_U8: self = .integer(Int64(field.value.u8))
        case AMQP_FIELD_KIND_I16: self = .integer(Int64(field.value.i16))
        case AMQP_FIELD_KIND_U16: self = .integer(Int64(field.value.u16))
        case AMQP_FIELD_KIND_I32: self = .integer(Int64(field.value.i32))
        case AMQP_FIELD_KIND_U32: self = .integer(Int64(field.value.u32))
        case AMQP_FIELD_KIND_I64: self = .integer(field.value.i64)
        case AMQP_FIELD_KIND_U64: self = .integer(Int64(clamping: field.value.u64))
        case AMQP_FIELD_KIND_F32: self = .double(Double(field.value.f32))
        case AMQP_FIELD_KIND_F64: self = .double(field.value.f64)
        case AMQP_FIELD_KIND_UTF8:
            if let string = String(validating: field.value.bytes.buffer, as: UTF8.self) {
                self = .string(string)
            } else {
                self = .bytes(Array(field.value.bytes.buffer))
            }
        case AMQP_FIELD_KIND_BYTES: self = .bytes(Array(field.value.bytes.buffer))
        case AMQP_FIELD_KIND_TIMESTAMP: self = .timestamp(field.value.u64)
        case AMQP_FIELD_KIND_ARRAY where depth < AMQPFieldValue.maximumDepth:
            let array = field.value.array
            let values = UnsafeBufferPointer(start: array.entries, count: Int(array.num_entries))
            self = .array(values.map { AMQPFieldValue($0, depth: depth + 1) })
        case AMQP_FIELD_KIND_TABLE where depth < AMQPFieldValue.maximumDepth:
            self = .table([String: AMQPFieldValue](field.value.table, depth: depth + 1))
        case AMQP_FIELD_KIND_VOID: self = .void
        default: self = .unsupported
        }
    }
}

extension [String: AMQPFieldValue] {
    /// Copies a table out of librabbitmq's memory. It skips an entry whose name is not UTF-8, since no code looks for one.
    ///
    /// - Parameter depth: the depth of its values: see ``AMQPFieldValue``.
    init(_ table: amqp_table_t, depth: Int = 0) {
        self.init(minimumCapacity: Int(table.num_entries))
        for entry in UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)) {
            guard let name = String(validating: entry.key.buffer, as: UTF8.self) else { continue }
            self[name] = AMQPFieldValue(entry.value, depth: depth)
        }
    }
}
