/// The ways to write one character, escaped or not.
enum Spelling {
    /// The ends of all spellings of a character with which the text begins.
    ///
    /// - Parameter text: in lower case.
    static func ends(of character: Unicode.Scalar, in text: ArraySlice<UInt8>) -> [Int] {
        // The fast path for nearly all calls: the character itself without an escape.
        if character.isASCII, let byte = text.first, UInt32(byte) == character.value, !marks.contains(byte) { return [text.startIndex + 1] }
        var ends: [Int] = []
        let plain = Array(String(character).utf8)
        if text.starts(with: plain) { ends.append(text.startIndex + plain.count) }
        switch text.first {
        case UInt8(ascii: "%"): percentEncoded(plain, in: text).map { ends.append($0) }
        case UInt8(ascii: "\\"): ends += escaped(character, in: text)
        case UInt8(ascii: "&"): entity(character, in: text).map { ends.append($0) }
        case UInt8(ascii: "+") where character == " ": ends.append(text.startIndex + 1)
        default: break
        }
        return ends
    }

    /// The bytes with which an escape may begin.
    static let marks = Array(#"%\&+"#.utf8)

    /// `%c3%a4`
    private static func percentEncoded(_ bytes: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        var rest = text
        for byte in bytes {
            guard rest.popFirst() == UInt8(ascii: "%"), number(rest.prefix(2), radix: 16) == UInt32(byte) else { return nil }
            rest = rest.dropFirst(2)
        }
        return rest.startIndex
    }

    /// `\"`, `\/`, `\n`, `\u00e4`
    private static func escaped(_ character: Unicode.Scalar, in text: ArraySlice<UInt8>) -> [Int] {
        var ends: [Int] = []
        if let next = text.dropFirst().first, UInt32(next) == character.value || short[next] == character {
            ends.append(text.startIndex + 2)
        }
        var rest = text
        for unit in String(character).utf16 {
            guard rest.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]), number(rest.dropFirst(2).prefix(4), radix: 16) == UInt32(unit)
            else { return ends }
            rest = rest.dropFirst(6)
        }
        return ends + [rest.startIndex]
    }

    private static let short: [UInt8: Unicode.Scalar] = [
        UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "t"): "\t", UInt8(ascii: "n"): "\n", UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "r"): "\r",
    ]

    /// `&quot;`, `&#34;`, `&#x22;`
    private static func entity(_ character: Unicode.Scalar, in text: ArraySlice<UInt8>) -> Int? {
        let name = text.dropFirst().prefix(10).prefix { $0 != UInt8(ascii: ";") }
        guard name.endIndex < text.endIndex, text[name.endIndex] == UInt8(ascii: ";") else { return nil }
        let isMeant =
            if name.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "x")]) {
                number(name.dropFirst(2), radix: 16) == character.value
            } else if name.first == UInt8(ascii: "#") {
                number(name.dropFirst(), radix: 10) == character.value
            } else {
                named[String(decoding: name, as: UTF8.self)] == character
            }
        return isMeant ? name.endIndex + 1 : nil
    }

    private static let named: [String: Unicode.Scalar] = ["quot": "\"", "amp": "&", "lt": "<", "gt": ">", "apos": "'"]

    /// The number that the digits give. The code of an ASCII capital becomes that of the small letter.
    private static func number(_ digits: ArraySlice<UInt8>, radix: Int) -> UInt32? {
        UInt32(String(decoding: digits, as: UTF8.self), radix: radix).map { UInt8(exactly: $0).map { UInt32($0.loweredASCII) } ?? $0 }
    }
}
