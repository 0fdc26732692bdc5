import Testing

@testable import Contract

@Suite("JSON")
struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test(arguments: [
        #"{"a":1,"b":[true,false,null],"c":{"d":"e"}}"#, "[]", "{}", #""""#, "0", "-0.5e+10", #"["é","\\","\""]"#, "28.190",
    ])
    func `a text is written back exactly as it was read`(text: String) throws {
        #expect(String(decoding: try parse(text).encoded, as: UTF8.self) == text)
    }

    @Test func `escapes become the characters that they represent`() throws {
        #expect(try parse(#""\u00e9\ud83d\ude00\n\/\b\f\r\t\u0001""#) == .string("é😀\n/\u{8}\u{C}\r\t\u{1}"))
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "1e", "tru", "nul", "\"a", "\"\\x\"", "{\"\\ud800\":1}",
        "\"\\ud800\\u00\"", "\"\\ud800", "\u{FEFF}\u{FEFF}1", "[1] 2", "{\"a\":1,\"a\":2}", "\"\u{1}\"", "NaN", "-", "[1 2]",
    ])
    func `anything but I-JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test(arguments: [
        (#""\ud800""#, "\u{FFFD}"), (#""\ud800\u0041""#, "\u{FFFD}A"), (#""a\udc00b""#, "a\u{FFFD}b"),
        (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"), (#""\ud800\n""#, "\u{FFFD}\n"), (#""\uDBFF\uD7FF""#, "\u{FFFD}\u{D7FF}"),
    ])
    func `half a surrogate pair invalidates its string and nothing else`(text: String, readable: String) throws {
        let json = try parse("[\(text),1]")
        #expect(json.array?[0] == .brokenString(escaped: String(text.dropFirst().dropLast()), readable: readable))
        #expect(json.array?[0].string == nil && json.array?[1] == 1)
        #expect(String(decoding: json.encoded, as: UTF8.self) == "[\(text),1]" && json.canonical == json.encoded)
    }

    @Test func `a byte order mark is not part of the text`() throws {
        #expect(try JSON(parsing: [0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == [:])
        #expect(throws: JSONError.self) { try JSON(parsing: [0xEF, 0xBB, 0xBF]) }
        #expect(throws: JSONError.self) { try JSON(parsing: [0xFE, 0xFF, 0, 0x7B, 0, 0x7D]) }
    }

    @Test func `members that are null are omitted at every depth, elements are not`() throws {
        let json = try parse(#"{"a":null,"b":{"c":null,"d":[null,{"e":null}]},"f":[]}"#)
        #expect(String(decoding: json.withoutNullMembers.encoded, as: UTF8.self) == #"{"b":{"d":[null,{}]},"f":[]}"#)
    }

    @Test(
        arguments: [
            ("7", .value(7)), ("-0", .value(0)), ("-0.0e5", .value(0)), ("0e99999999999999999999", .value(0)), ("7.0", .value(7)),
            ("-70e-1", .value(-7)), ("0.7E+1", .value(7)), ("1e18", .value(1_000_000_000_000_000_000)), ("1e19", .outOfRange),
            ("9223372036854775807.0", .value(Int64.max)), ("-9223372036854775808.0", .value(Int64.min)),
            ("9223372036854775808.0", .outOfRange),
            ("-9223372036854775809e0", .outOfRange), ("1e9223372036854775807", .outOfRange), ("10e9223372036854775807", .outOfRange),
            ("1e-9223372036854775808", .fraction), ("0.01e-9223372036854775808", .fraction), ("7.5", .fraction), ("1e-1", .fraction),
            ("12.50e1", .value(125)),
        ] as [(String, WholeNumber)]
    )
    func `a whole number is recognised however it is written`(text: String, worth: WholeNumber) {
        #expect(WholeNumber(jsonNumber: text) == worth)
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: [UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) }
        #expect(error?.description == "not valid UTF-8 at byte 1")
    }

    @Test func `names that differ only in their normalization are one name`() {
        #expect(throws: JSONError.self) { try parse("{\"\u{E9}\":1,\"e\u{301}\":2}") }
    }

    @Test func `nesting has a limit, so that no message exhausts the stack`() {
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 100_000)) }
    }

    @Test(arguments: ["\u{301}\u{323}", "\u{F73}\u{344}"])
    func `a string whose comparison would take quadratic time is refused`(marks: String) throws {
        let text = #"{"a\#(String(repeating: marks, count: 200_000))":1}"#
        let error = #expect(throws: JSONError.self) { try parse(text) }
        #expect(error?.reason == "too many combining marks in a row")
        #expect(throws: JSONError.self) { try parse(#""\#(String(repeating: #"\u0301"#, count: 257))""#) }
        _ = try parse(#""a\#(String(repeating: "\u{301}", count: 256))b\#(String(repeating: "é", count: 2000))""#)
    }

    @Test func `the number of values has a limit`() throws {
        let most = String(repeating: "0,", count: JSON.maximumValues - 2) + "0"
        #expect(try parse("[\(most)]").array?.count == JSON.maximumValues - 1)
        #expect(throws: JSONError.self) { try parse("[\(most),0]") }
    }

    @Test func `the length of a number has a limit`() throws {
        let longest = String(repeating: "9", count: JSON.maximumNumberLength)
        #expect(try parse(longest) == .number(longest))
        #expect(throws: JSONError.self) { try parse(longest + "9") }
    }

    @Test func `a repeated name is found among many`() {
        let members = (0..<40).map { "\"m\($0)\":0" } + ["\"m3\":1"]
        #expect(throws: JSONError.self) { try parse("{" + members.joined(separator: ",") + "}") }
    }

    @Test func `an error names the place and never quotes the text`() {
        let error = #expect(throws: JSONError.self) { try parse(#"{"secret": Correct-Horse}"#) }
        #expect(error?.description == "unexpected character at byte 11")
    }

    @Test func `numbers keep the text they were written with`() throws {
        #expect(try parse("0.10000000000000000555") == .number("0.10000000000000000555"))
    }
}

@Suite("JSON of which only some members of records are read")
struct JSONRecordTests {
    private func read(_ text: String, maximumValues: Int = 100) throws -> JSON {
        try JSON(parsing: Array(text.utf8), maximumValues: maximumValues, keepingOfRecords: JSONMemberNames(["id", "unitPrice"]))
    }

    @Test func `members that are not named are left out, in records alone`() throws {
        let text = #"""
            {"Items":[{"ID":1,"name":"x","unitprice":2.50,"more":{"a":1,"a":[{"b":null}]}}, {"id":"7"}, 3],
            "errors":[{"message":"m"}],"pageDetails":{"count":2}}
            """#
        let kept = #"{"Items":[{"ID":1,"unitprice":2.50},{"id":"7"},3],"errors":[{"message":"m"}],"pageDetails":{"count":2}}"#
        #expect(String(decoding: try read(text).encoded, as: UTF8.self) == kept)
        // A name with escapes is kept.
        #expect(try read(#"{"items":[{"n\u0061me":1}]}"#)["items"]?.array?.first?["name"] == 1)
    }

    @Test(arguments: [
        #"{"items":[{"name":"x}]}"#, #"{"items":[{"name":tru}]}"#, #"{"items":[{"name":[1,]}]}"#, #"{"items":[{"name":{"a" 1}}]}"#,
        #"{"items":[{"name" 1}]}"#, #"{"items":[{"name":01}]}"#, #"{"items":[{"id":1,"id":2}]}"#, #"{"items":[{"name":"\x"}]}"#,
        #"{"items":[{"name":\#(String(repeating: "[", count: 40))\#(String(repeating: "]", count: 40))}]}"#,
    ])
    func `what is left out has to be JSON, and what is kept unique`(text: String) {
        #expect(throws: JSONError.self) { try read(text) }
    }

    @Test func `nothing is read of many values that are left out`() throws {
        let many = "[" + Array(repeating: "{}", count: 1000).joined(separator: ",") + "]"
        #expect(try read(#"{"items":[{"id":1,"name":\#(many)}]}"#)["items"]?.array?.count == 1)
        #expect(throws: JSONError.self) { try read(#"{"items":[{"id":\#(many)}]}"#) }
    }
}

@Suite("Canonical JSON (RFC 8785)")
struct CanonicalJSONTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSON(parsing: Array(text.utf8)).canonical, as: UTF8.self)
    }

    @Test func `the example of RFC 8785 section 3.2.2 is encoded as printed there`() throws {
        let input = #"""
            {"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
             "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
             "literals": [null, true, false]}
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(try canonical(input) == expected)
    }

    @Test func `names are sorted by UTF-16 code units`() throws {
        let input = #"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#
        let order = [2, 4, 6, 7, 1, 5, 3]
        let values = try JSON(parsing: Array(canonical(input).utf8)).object?.members.map(\.value)
        #expect(values == order.map { JSON($0) })
    }

    @Test(arguments: [
        ("0", "0"), ("-0", "0"), ("-0.0", "0"), ("1.0", "1"), ("100", "100"), ("1e2", "100"), ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("9007199254740993", "9007199254740992"), ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("1.5e-9", "1.5e-9"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"), ("-12.50", "-12.5"), ("123456789012345680000", "123456789012345680000"),
        ("0.1", "0.1"), ("1234.5678", "1234.5678"),
    ])
    func `numbers are written as ECMAScript writes them`(text: String, expected: String) {
        #expect(JSON.canonicalNumber(text) == expected)
    }
}
