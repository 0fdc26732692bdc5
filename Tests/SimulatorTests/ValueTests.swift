import Contract
import Foundation
import Testing

@testable import autotask_simulator

@Suite("Values")
struct ValueTests {
    @Test(
        "of money are exact, with four places",
        arguments: [
            ("34.55", "34.55"), ("0", "0.0"), ("-0.00", "0.0"), ("1e3", "1000.0"), ("1.5E-1", "0.15"), ("12.34565", "12.3457"),
            ("-12.34565", "-12.3457"), ("0.00004", "0.0"), ("0.0125", "0.0125"), ("922337203685477.5807", "922337203685477.5807"),
            ("0.1000", "0.1"),
        ]
    )
    func money(written: String, kept: String) throws {
        #expect(try #require(MoneyValue(written)).text == kept)
    }

    @Test(
        "that no money column can hold are refused",
        arguments: ["", "-", ".5", "1,5", "abc", "1e", "1e99", "922337203685477.5808", "1.2.3", "0x10"]
    )
    func noMoney(text: String) {
        #expect(MoneyValue(text) == nil)
    }

    @Test("of money are read exactly from a seed")
    func moneyFromSeed() throws {
        let decoded = try JSONDecoder().decode([MoneyValue].self, from: Data("[0.1, 1234567890123.4567, 3]".utf8))
        #expect(decoded.map(\.text) == ["0.1", "1234567890123.4567", "3.0"])
    }

    @Test("of text compare without regard to letter case and trailing spaces, as in SQL Server")
    func text() {
        #expect(CollatedText("Überwachung  ") == CollatedText("überwachung"))
        #expect(CollatedText(" a") != CollatedText("a"))
        #expect(CollatedText("é") != CollatedText("e"))
    }

    @Test("of JSON keep their numbers as written")
    func numbers() throws {
        let text = #"{"a":[1.10,-0,1E+2,123456789012345678901234567890],"b":"\u00e9\ud83d\ude00\n","c":null,"d":true}"#
        let json = try JSON(parsing: Array(text.utf8))
        #expect(json.member("A") == [.number("1.10"), .number("-0"), .number("1E+2"), .number("123456789012345678901234567890")])
        #expect(json["b"] == "é😀\n")
        #expect(try JSON(parsing: json.encoded) == json)
    }

    @Test(
        "that are not JSON are refused",
        arguments: ["", "{", "[1,]", "01", "1.", "+1", "nul", #""\x""#, "\"\u{1}\"", "1 2", #"{"a" 1}"#]
    )
    func noJSON(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test("with half a surrogate pair are not text")
    func brokenText() throws {
        let json = try JSON(parsing: Array(#""\ud800""#.utf8))
        #expect(throws: Refusal.self) { try Field(name: "name", kind: .string).value(from: json) }
    }

    @Test("that are nested without end are refused")
    func nesting() {
        #expect(throws: JSONError.self) { try JSON(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 100_000)) }
    }

    @Test("of the quota expire after an hour, minute by minute")
    func quota() {
        var quota = Quota(limit: 10)
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        quota.count(at: start)
        quota.count(at: start + 600)
        #expect(quota.used(at: start + 600) == 2)
        #expect(quota.used(at: start + 59 * 60) == 2)
        #expect(quota.used(at: start + 60 * 60) == 1)
        #expect(quota.used(at: start + 70 * 60) == 0)
        quota.set(used: 5, at: start + 80 * 60)
        #expect(quota.delay(at: start + 80 * 60) == .milliseconds(500))
        quota.set(used: 8, at: start + 80 * 60)
        #expect(quota.delay(at: start + 80 * 60) == .seconds(1))
        #expect(quota.delay(at: start + 1_000_000) == .zero)
    }
}
