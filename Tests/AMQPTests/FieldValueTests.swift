import CRabbitMQ
import Confinement
import Synchronization
import Testing

@testable import AMQP

@Suite("Headers as librabbitmq reads them")
struct FieldValueTests {
    private func nested(_ depth: Int) -> AMQPFieldValue {
        (0..<depth).reduce(.integer(1)) { value, level in level.isMultiple(of: 2) ? .array([value]) : .table(["a": value]) }
    }

    private func received(_ headers: [String: AMQPFieldValue]) -> [String: AMQPFieldValue] {
        let memory = BytePool()
        return [String: AMQPFieldValue](memory.table(headers))
    }

    @Test func `values nest up to a limit, and deeper ones are dropped`() {
        let most = nested(AMQPFieldValue.maximumDepth)
        #expect(received(["h": most]) == ["h": most])
        #expect(received(["h": .array([most])]) != ["h": .array([most])])
        #expect(received(["h": nested(5000), "i": "x"])["i"] == "x")
    }

    /// Only librabbitmq reads the contents of a frame, and it does so before this product's code sees them.
    @Test func `the deepest headers that a frame holds do not exhaust a connection's thread`() async throws {
        let size = 131_064
        var frame: [UInt8] = [0x20, 0x00]
        func appendLength() { withUnsafeBytes(of: UInt32(size - frame.count - 4).bigEndian) { frame += $0 } }
        appendLength()
        frame += [1, UInt8(ascii: "a")]
        while frame.count + 5 <= size {
            frame.append(UInt8(ascii: "A"))
            appendLength()
        }
        frame += [UInt8](repeating: UInt8(ascii: "V"), count: size - frame.count)
        let depth = Mutex<Int?>(nil)
        let thread = try ConfinedThread.start(name: "deep") { [frame] in
            var frame = frame
            var pool = amqp_pool_t()
            init_amqp_pool(&pool, 4096)
            defer { empty_amqp_pool(&pool) }
            var decoded: UnsafeMutableRawPointer?
            let properties = frame.withUnsafeMutableBytes { bytes -> MessageProperties? in
                let encoded = amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress)
                guard amqp_decode_properties(60, &pool, encoded, &decoded) >= 0, let decoded else { return nil }
                return MessageProperties(decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee)
            }
            var value = properties?.headers["a"]
            while case .array(let values)? = value {
                depth.withLock { $0 = ($0 ?? 0) + 1 }
                value = values.first
            }
        }
        await thread.waitUntilFinished()
        #expect(depth.withLock { $0 } == AMQPFieldValue.maximumDepth)
    }

    @Test func `an entry whose name is not UTF-8 is left out`() {
        var name: [UInt8] = [0xFF, 0xFE]
        let headers = name.withUnsafeMutableBytes { bytes -> [String: AMQPFieldValue] in
            var entry = amqp_table_entry_t()
            entry.key = amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress)
            entry.value.kind = UInt8(AMQP_FIELD_KIND_VOID.rawValue)
            return withUnsafeMutablePointer(to: &entry) { [String: AMQPFieldValue](amqp_table_t(num_entries: 1, entries: $0)) }
        }
        #expect(headers.isEmpty)
    }
}
