import Secrets
import Testing

struct SecretTests {
    private let bytes = Array(#"é:;%"\"#.utf8)

    @Test("A secret lends its bytes as often as requested")
    func lending() {
        let secret = Secret(copying: bytes.span)
        for _ in 0..<2 { #expect(secret.withBytes { Array(copying: $0) } == bytes) }
        #expect(secret.withUnsafeBytes { Array($0) } == bytes)
        #expect(secret.count == bytes.count)
    }

    @Test("A secret may be empty")
    func empty() {
        let secret = Secret(copying: [UInt8]().span)
        #expect(secret.withBytes { $0.isEmpty })
        #expect(secret.withUnsafeBytes { $0.isEmpty })
    }

    @Test("A secret is as long as the written bytes, whatever the capacity")
    func writing() {
        let secret = Secret(capacity: 100) { output in
            for byte in bytes { output.append(byte) }
        }
        #expect(secret.withBytes { Array(copying: $0) } == bytes)
    }

    @Test("An error of the closure is rethrown")
    func throwing() {
        struct Refusal: Error {}
        let secret = Secret(copying: [1].span)
        #expect(throws: Refusal.self) { try secret.withBytes { _ throws(Refusal) in throw Refusal() } }
        #expect(throws: Refusal.self) {
            _ = try SecretReference(
                Secret(capacity: 1) { output throws(Refusal) in
                    output.append(1)
                    throw Refusal()
                }
            )
        }
    }

    @Test("A shared secret is the same for each holder")
    func sharing() {
        let one = SecretReference(copying: bytes.span)
        let other = one
        #expect(one.withBytes { Array(copying: $0) } == other.withBytes { Array(copying: $0) })
    }

    @Test("Memory is overwritten in place")
    func wiping() {
        var memory = [UInt8](repeating: 7, count: 1000)
        memory.withUnsafeMutableBytes { wipe($0) }
        #expect(memory.allSatisfy { $0 == 0 })
        memory = [7, 7]
        memory.wipe()
        #expect(memory == [0, 0])
        var nothing: [UInt8] = []
        nothing.wipe()
    }
}

extension [UInt8] {
    fileprivate init(copying span: Span<UInt8>) { self = span.indices.map { span[$0] } }
}
