import Testing

@testable import Contract

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-22T08:00:00Z", 1_795_334_400_000), ("2026-11-22T08:00:00.123456Z", 1_795_334_400_123),
            ("2026-11-22T10:00:00+02:00", 1_795_334_400_000), ("2026-11-22t05:30:00.5-02:30", 1_795_334_400_500),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2000-02-29T12:00:00Z", 951_825_600_000),
        ] as [(String, Int64)]
    )
    func `RFC 3339 date-times are read`(text: String, milliseconds: Int64) {
        #expect(Timestamp(text)?.millisecondsSinceEpoch == milliseconds)
    }

    @Test(arguments: [
        "", "2026-11-22", "2026-11-22T08:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:60:00Z", "2026-11-22T08:00:00.Z", "2026-11-22T08:00:00Zx", "2026-11-22T08:00:00+2:00", "x026-11-22T08:00:00Z",
    ])
    func `anything else is not a date-time`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [
        "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999-00:01",
        "2026-11-22T08:00:00.\(String(repeating: "0", count: 100))Z",
    ])
    func `a moment outside the representable years is not a date-time`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `the first and the last moment are read back, and moments beyond are written as those`() {
        for text in ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] { #expect(Timestamp(text)?.description == text) }
        #expect(Timestamp(millisecondsSinceEpoch: .min).description == "0000-01-01T00:00:00.000Z")
        #expect(Timestamp(millisecondsSinceEpoch: .max).description == "9999-12-31T23:59:59.999Z")
    }

    @Test func `a written moment is read back`() {
        for milliseconds in stride(from: -2_000_000_000_000 as Int64, through: 4_000_000_000_000, by: 86_399_999_937) {
            let moment = Timestamp(millisecondsSinceEpoch: milliseconds)
            #expect(Timestamp(moment.description) == moment)
        }
    }

    @Test func `durations are added and measured in milliseconds`() {
        let moment = Timestamp(millisecondsSinceEpoch: 1000)
        #expect((moment + .seconds(2)).millisecondsSinceEpoch == 3000)
        #expect((moment - .milliseconds(1)).millisecondsSinceEpoch == 999)
        #expect(Timestamp(millisecondsSinceEpoch: 3500) - moment == .milliseconds(2500))
    }
}
