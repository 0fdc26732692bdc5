import Testing

@testable import Contract

/// Strings are read and written eight bytes at a time where they can be.
@Suite("JSON strings")
struct JSONStringTests {
    /// Characters that are written with an escape, and others that might be taken for one.
    static let characters: [(character: String, written: String)] = [
        ("\"", #"\""#), ("\\", #"\\"#), ("\n", #"\n"#), ("\u{1}", #"\u0001"#), ("\u{1F}", #"\u001f"#), (" ", " "), ("!", "!"), ("#", "#"),
        ("[", "["), ("]", "]"), ("\u{7F}", "\u{7F}"), ("é", "é"), ("\u{A2}", "\u{A2}"), ("\u{FFFD}", "\u{FFFD}"), ("😀", "😀"),
    ]

    @Test(arguments: characters)
    func `a character is written and read at each position of strings of each length`(character: String, written: String) throws {
        for before in 0..<18 {
            for after in 0..<18 {
                let (start, end) = (String(repeating: "a", count: before), String(repeating: "z", count: after))
                let json = JSON.string(start + character + end)
                let text = "\"\(start)\(written)\(end)\""
                #expect(String(decoding: json.encoded, as: UTF8.self) == text)
                let read = try #require(try JSON(parsing: Array("[\(text)]".utf8)).array?.first?.string)
                #expect(Array(read.utf8) == Array((start + character + end).utf8) && read.count == before + 1 + after)
            }
        }
    }

    @Test(arguments: [UInt8(0), 0x0A, 0x1F])
    func `a control character is refused at each position`(byte: UInt8) {
        for before in 0..<18 {
            let text = [UInt8](repeating: UInt8(ascii: "a"), count: before) + [byte] + Array("zzzzzzzzz".utf8)
            let error = #expect(throws: JSONError.self) { try JSON(parsing: Array("\"".utf8) + text + Array("\"".utf8)) }
            #expect(error?.offset == before + 1)
        }
    }

    @Test func `a string without an end is refused at each length`() {
        for count in 0..<18 {
            #expect(throws: JSONError.self) { try JSON(parsing: Array("\"".utf8) + [UInt8](repeating: 0x61, count: count)) }
        }
    }

    @Test func `strings of ASCII and of other characters are equal and ordered as everywhere`() throws {
        let read = try JSON(parsing: Array(#"{"résumé":1,"resume":2,"Ünï":3,"😀":4,"aaaaaaaaaaaaaaaaaaaaé":5}"#.utf8))
        #expect(read["résumé"] == 1 && read["re\u{301}sume\u{301}"] == 1 && read["Ünï"] == 3 && read["aaaaaaaaaaaaaaaaaaaaé"] == 5)
        #expect(
            String(decoding: read.canonical, as: UTF8.self) == #"{"aaaaaaaaaaaaaaaaaaaaé":5,"resume":2,"résumé":1,"Ünï":3,"😀":4}"#
        )
    }
}
