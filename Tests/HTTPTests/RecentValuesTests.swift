import Testing

@testable import HTTP

struct RecentValuesTests {
    private struct Refusal: Error {}

    @Test("A value is computed once, and again once all were forgotten")
    func once() {
        let values = RecentValues<Int, Int>(limit: 2)
        var computed: [Int] = []
        func value(_ key: Int) -> Int {
            values.value(of: key) {
                computed.append(key)
                return key * 10
            }
        }
        #expect([1, 2, 1, 2].map(value) == [10, 20, 10, 20])
        #expect(computed == [1, 2])
        #expect([3, 3, 1].map(value) == [30, 30, 10])
        #expect(computed == [1, 2, 3, 1])
    }

    @Test("A failure is not remembered")
    func failure() throws {
        let values = RecentValues<Int, Int>(limit: 2)
        #expect(throws: Refusal.self) { try values.value(of: 1) { () throws(Refusal) in throw Refusal() } }
        #expect(values.value(of: 1) { 7 } == 7)
    }
}
