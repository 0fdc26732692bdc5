import Testing

@testable import HTTP

@Suite("Admission")
struct AdmissionTests {
    @Test("lets in up to the limit; the next one waits for a slot")
    func limit() {
        let admission = Gate<Int>(limit: 2, endpointLimit: 9)
        #expect(admission.enter(1, at: "a"))
        #expect(admission.enter(2, at: "b"))
        #expect(!admission.enter(3, at: "c"))
        #expect(admission.leave("a") == [3])
    }

    @Test("lets in up to the endpoint's limit; other endpoints' requests pass those that wait")
    func endpointLimit() {
        let admission = Gate<Int>(limit: 3, endpointLimit: 1)
        #expect(admission.enter(1, at: "a"))
        #expect(!admission.enter(2, at: "a"))
        #expect(admission.enter(3, at: "b"))
        #expect(admission.leave("b") == [])
        #expect(admission.leave("a") == [2])
    }

    @Test("keeps the order of an endpoint, and lets endpoints take turns")
    func order() {
        let admission = Gate<String>(limit: 1, endpointLimit: 1)
        #expect(admission.enter("x", at: "x"))
        for name in ["a1", "a2", "a3"] { #expect(!admission.enter(name, at: "a")) }
        for name in ["b1", "b2"] { #expect(!admission.enter(name, at: "b")) }
        var order = admission.leave("x")
        for _ in 0..<4 { order += admission.leave(String(order.last?.first ?? "x")) }
        #expect(order == ["a1", "b1", "a2", "b2", "a3"])
    }

    @Test("hands out every slot once, whatever the order of coming and going", arguments: 0..<20)
    func anyOrder(seed: UInt64) {
        var generator = Generator(state: seed)
        let admission = Gate<Int>(limit: 7, endpointLimit: 3)
        var inFlight: [Int: String] = [:]
        var endpoints: [Int: String] = [:]
        var waiting = 0
        for item in 0..<2000 {
            let endpoint = "host\(generator.next() % 5)"
            endpoints[item] = endpoint
            if admission.enter(item, at: endpoint) { inFlight[item] = endpoint } else { waiting += 1 }
            while let (ended, endpoint) = inFlight.randomElement(using: &generator), generator.next() % 2 == 0 {
                inFlight[ended] = nil
                for admitted in admission.leave(endpoint) {
                    waiting -= 1
                    #expect(inFlight.updateValue(endpoints[admitted] ?? "", forKey: admitted) == nil)
                }
            }
            #expect(inFlight.count <= 7)
            #expect(Dictionary(grouping: inFlight.values, by: \.self).values.allSatisfy { $0.count <= 3 })
            // No request waits that could go.
            #expect(
                waiting == 0 || inFlight.count == 7 || Dictionary(grouping: inFlight.values, by: \.self).values.contains { $0.count == 3 }
            )
        }
        while let (ended, endpoint) = inFlight.first {
            inFlight[ended] = nil
            for admitted in admission.leave(endpoint) {
                waiting -= 1
                inFlight[admitted] = endpoints[admitted]
            }
        }
        #expect(waiting == 0)
    }

    @Test("hands out all waiting requests once when it ends")
    func removal() {
        let admission = Gate<Int>(limit: 1, endpointLimit: 1)
        for item in 0..<4 { _ = admission.enter(item, at: "host\(item % 2)") }
        #expect(Set(admission.removeWaiting()) == [1, 2, 3])
        #expect(admission.removeWaiting().isEmpty)
        #expect(admission.leave("host0").isEmpty)
    }

    /// The admission under test; `#expect` accepts no mutating calls.
    private final class Gate<Item> {
        private var admission: Admission<Item>

        init(limit: Int, endpointLimit: Int) {
            admission = Admission(limit: limit, endpointLimit: endpointLimit)
        }

        func enter(_ item: Item, at endpoint: String) -> Bool { admission.enter(item, at: endpoint) }
        func leave(_ endpoint: String) -> [Item] { admission.leave(endpoint) }
        func removeWaiting() -> [Item] { admission.removeWaiting() }
    }

    /// SplitMix64: the same numbers in every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }
}
