import Testing

@testable import Contract

@Suite("Money")
struct MoneyTests {
    @Test(arguments: [
        ("0", "0.00"), ("9", "9.00"), ("9.0", "9.00"), ("4.50", "4.50"), ("0.0125", "0.0125"), ("0.1", "0.10"), ("1.2345", "1.2345"),
        ("999999999999.9999", "999999999999.9999"), ("007", "7.00"),
    ])
    func `an amount in the contract's form is exact`(text: String, shown: String) throws {
        #expect(try #require(Money(contract: text)).description == shown)
    }

    @Test(arguments: [
        "", ".", "1.", ".5", "1e3", "-1", "+1", "1.23456", "1.123456789", "1234567890123", "1,5", " 1", "1 ", "1.2.3", "٣", "NaN",
    ])
    func `anything else is not an amount`(text: String) {
        #expect(Money(contract: text) == nil)
    }

    @Test(arguments: [
        ("28.19", "28.19"), ("28.190000", "28.19"), ("1E1", "10.00"), ("1.5e-3", "0.0015"), ("0.00005", "0.0001"), ("0.00004", "0.00"),
        ("-3.5", "-3.50"), ("-0", "0.00"), ("12e0", "12.00"), ("0.1", "0.10"), ("123456.78905", "123456.7891"), ("1e-10", "0.00"),
        ("28.190000000000001278976924368180334568023681640625", "28.19"), ("0.00004999999999999999999", "0.00"), ("1.23456e2", "123.456"),
        ("0.09999", "0.10"), ("12345678901234.5678", "12345678901234.5678"), ("1.23456789012345678e13", "12345678901234.5678"),
        ("1.00000000000000005e12", "1000000000000.0001"), ("282233000000000001E-7", "28223300000.00"),
        ("0.00000000000000000001e20", "1.00"),
        ("99999999999999.9999", "99999999999999.9999"),
    ])
    func `a JSON number from Autotask is read with four decimal places`(text: String, shown: String) throws {
        #expect(try #require(Money(jsonNumber: text)).description == shown)
    }

    @Test(arguments: [
        "99999999999999.99995", "100000000000000", "1e30", "99999999999999999999", "1e999999999999", ".", "", "-", "1.2.3", "1x",
    ])
    func `a number that is too large, or not a number, is not an amount`(text: String) {
        #expect(Money(jsonNumber: text) == nil)
    }

    @Test func `every amount survives the round trip`() throws {
        for tenThousandths in [0, 1, 9, 10, 100, 1234, 9999, 10_000, 123_456_789, 9_999_999_999_999_999] as [Int64] {
            let money = Money(tenThousandths: tenThousandths)
            #expect(Money(jsonNumber: money.description) == money)
            #expect(Money(contract: money.description) == money)
        }
    }
}
