extension JSON {
    /// The text is not JSON.
    struct SyntaxError: Error {
        /// Where, in bytes.
        let offset: Int
    }

    /// Reads one JSON value and nothing after it.
    init(parsing text: [UInt8]) throws(SyntaxError) {
        var parser = JSONParser(text)
        self = try parser.document()
    }
}

/// Reads RFC 8259, from UTF-8.
private struct JSONParser {
    private static let maximumDepth = 100

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSON.SyntaxError) -> JSON {
        let value = try value()
        skipWhiteSpace()
        guard position == bytes.count else { throw error }
        return value
    }

    private var error: JSON.SyntaxError { JSON.SyntaxError(offset: position) }
    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func value() throws(JSON.SyntaxError) -> JSON {
        skipWhiteSpace()
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws(JSON.SyntaxError) -> JSON {
        var members: [JSON.Member] = []
        try list(closedBy: UInt8(ascii: "}")) { (parser) throws(JSON.SyntaxError) in
            parser.skipWhiteSpace()
            let key = try parser.string()
            parser.skipWhiteSpace()
            try parser.expect(UInt8(ascii: ":"))
            members.append(JSON.Member(key: key, value: try parser.value()))
        }
        return .object(members)
    }

    private mutating func array() throws(JSON.SyntaxError) -> JSON {
        var elements: [JSON] = []
        try list(closedBy: UInt8(ascii: "]")) { (parser) throws(JSON.SyntaxError) in
            elements.append(try parser.value())
        }
        return .array(elements)
    }

    private mutating func list(
        closedBy end: UInt8,
        element: (inout JSONParser) throws(JSON.SyntaxError) -> Void
    ) throws(JSON.SyntaxError) {
        depth += 1
        guard depth <= JSONParser.maximumDepth else { throw error }
        position += 1
        skipWhiteSpace()
        if next != end {
            while true {
                try element(&self)
                skipWhiteSpace()
                guard next == UInt8(ascii: ",") else { break }
                position += 1
            }
        }
        try expect(end)
        depth -= 1
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSON.SyntaxError) -> JSON {
        for byte in word.description.utf8 { try expect(byte) }
        return value
    }

    private mutating func number() throws(JSON.SyntaxError) -> JSON {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(JSON.SyntaxError) {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw error }
    }

    private mutating func string() throws(JSON.SyntaxError) -> String {
        try expect(UInt8(ascii: "\""))
        var content: [UInt8] = []
        var start = position
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw error }
            position += 1
            if byte == UInt8(ascii: "\\") {
                content += bytes[start..<position - 1]
                content += String(try escaped()).utf8
                start = position
            }
        }
        content += bytes[start..<position]
        try expect(UInt8(ascii: "\""))
        guard let text = String(validating: content, as: UTF8.self) else { throw error }
        return text
    }

    /// What a backslash stands before.
    private mutating func escaped() throws(JSON.SyntaxError) -> Unicode.Scalar {
        guard let byte = next else { throw error }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedUTF16()
        default: throw error
        }
    }

    private mutating func escapedUTF16() throws(JSON.SyntaxError) -> Unicode.Scalar {
        let unit = try hexadecimal()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        try expect(UInt8(ascii: "\\"))
        try expect(UInt8(ascii: "u"))
        let second = try hexadecimal()
        guard UTF16.isLeadSurrogate(unit), UTF16.isTrailSurrogate(second) else { throw error }
        return UTF16.decode(UTF16.EncodedScalar([unit, second]))
    }

    private mutating func hexadecimal() throws(JSON.SyntaxError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw error }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        guard digits.first != "+", digits.first != "-", let unit = UInt16(digits, radix: 16) else { throw error }
        position += 4
        return unit
    }

    private mutating func expect(_ byte: UInt8) throws(JSON.SyntaxError) {
        guard next == byte else { throw error }
        position += 1
    }

    private mutating func skipWhiteSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }
}
