extension JSON {
    /// The value as compact JSON text in UTF-8, with members in their order and numbers as they were written.
    package var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(1536)
        append(to: &output)
        return output
    }

    /// Appends the value's compact JSON text.
    package func append(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): output.append(contentsOf: text.utf8)
        case .string(let value): JSON.append(quoted: value, to: &output)
        case .brokenString(let escaped, _):
            output.append(UInt8(ascii: "\""))
            output.append(contentsOf: escaped.utf8)
            output.append(UInt8(ascii: "\""))
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for index in elements.indices {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                elements[index].append(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            for index in object.members.indices {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSON.append(quoted: object.members[index].name, to: &output)
                output.append(UInt8(ascii: ":"))
                object.members[index].value.append(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends a string in quotes, with the escapes that RFC 8785 prescribes: the short ones, and `\u00xx` for other control characters.
    package static func append(quoted string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        let appended: Void? = string.utf8.withContiguousStorageIfAvailable { bytes in
            // Nearly every string needs no escapes, and is copied as a whole.
            if unsafe isPlain(bytes) { unsafe output.append(contentsOf: bytes) } else { unsafe append(escaped: bytes, to: &output) }
        }
        if appended == nil { for byte in string.utf8 { escape(byte) { output.append($0) } } }
        output.append(UInt8(ascii: "\""))
    }

    /// Whether a string needs no escapes.
    private static func isPlain(_ string: UnsafeBufferPointer<UInt8>) -> Bool {
        var position = 0
        while let word = unsafe JSONWord(string, at: position) {
            guard word.plainCount == JSONWord.size else { return false }
            position += JSONWord.size
        }
        // The last bytes of a longer string are examined again, with those before them.
        if position < string.count, let word = unsafe JSONWord(string, at: max(string.count - JSONWord.size, 0)) {
            return word.plainCount == JSONWord.size
        }
        while position < string.count {
            let byte = unsafe string[position]
            guard byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return false }
            position += 1
        }
        return true
    }

    private static func append(escaped string: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        for byte in unsafe string { escape(byte) { output.append($0) } }
    }

    /// Passes the JSON spelling of one byte of a string's UTF-8 to `append`.
    package static func escape(_ byte: UInt8, _ append: (UInt8) -> Void) {
        let short: UInt8? =
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
            case 0x08: UInt8(ascii: "b")
            case 0x0C: UInt8(ascii: "f")
            case 0x0A: UInt8(ascii: "n")
            case 0x0D: UInt8(ascii: "r")
            case 0x09: UInt8(ascii: "t")
            default: nil
            }
        if let short {
            append(UInt8(ascii: "\\"))
            append(short)
        } else if byte < 0x20 {
            for character in #"\u00"#.utf8 { append(character) }
            append(UInt8(ascii: "0") + byte >> 4)
            append(byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + byte & 15 - 10)
        } else {
            append(byte)
        }
    }
}
