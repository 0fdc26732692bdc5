/// A member of an object that was found in a text.
package struct ScannedJSONMember: Sendable {
    package let name: String
    /// The range of the value in the text, without quotes, if it is a string; ``JSON/decode(stringAt:in:_:)`` reads it.
    package let string: Range<Int>?
    package let isNull: Bool
    /// The value's JSON type, without anything of the value.
    package let typeInWords: String

    init(name: String, string: Range<Int>?, isNull: Bool, firstByte: UInt8?) {
        self.name = name
        self.string = string
        self.isNull = isNull
        let words = firstByte.flatMap(JSON.typeInWords(firstByte:)) ?? "no JSON"
        typeInWords = string == nil && firstByte == UInt8(ascii: "\"") ? "a string with half a surrogate pair" : words
    }
}

extension JSON {
    /// The type of a JSON text by its first byte, without anything of its value; `nil` if no JSON begins with that byte.
    package static func typeInWords(ofText text: Span<UInt8>) -> String? {
        var start = 0
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { start = 3 }
        while start < text.count, [0x20, 0x0A, 0x0D, 0x09].contains(text[start]) { start += 1 }
        return start < text.count ? typeInWords(firstByte: text[start]) : nil
    }

    static func typeInWords(firstByte byte: UInt8) -> String? {
        switch byte {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        case UInt8(ascii: "\""): "a string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
        case UInt8(ascii: "n"): "null"
        case UInt8(ascii: "-"): "a number"
        default: byte.isASCIIDigit ? "a number" : nil
        }
    }
}

/// Names of members, to be found in any case.
package struct JSONMemberNames: Sendable {
    /// In lower case.
    private let names: [[UInt8]]

    /// - Parameter names: ASCII.
    package init(_ names: [String]) { self.names = names.map { Array($0.lowercased().utf8) } }

    func contains(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        names.contains { own in
            guard own.count == name.count else { return false }
            for index in own.indices {
                let byte = unsafe name[index]
                guard own[index] == (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte) else { return false }
            }
            return true
        }
    }
}
