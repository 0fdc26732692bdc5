/// Why bytes are not JSON that the contract accepts.
package struct JSONError: Error, CustomStringConvertible, Sendable {
    /// What is wrong, without any of the text: it may be a secret.
    package let reason: String
    /// Where, in bytes from the start.
    package let offset: Int

    package var description: String { "\(reason) at byte \(offset)" }
}

extension JSON {
    /// Parses one JSON text (RFC 8259) under I-JSON's restrictions (RFC 7493): valid UTF-8, no lone surrogates, unique member names; and
    /// within the limits of `JSON+Limits.swift`.
    ///
    /// - Throws: ``JSONError``, which names the place and never quotes the text.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        do { _ = try UTF8Span(validating: bytes.span) } catch {
            throw JSONError(reason: "not valid UTF-8", offset: error.byteOffsets.lowerBound)
        }
        let result = unsafe bytes.withUnsafeBufferPointer { buffer -> Result<JSON, JSONError> in
            var parser = unsafe JSONParser(bytes: buffer)
            return parser.parseText()
        }
        self = try result.get()
    }
}

/// A recursive descent over bytes that are known to be valid UTF-8. The buffer outlives the parser, which lives within one call.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0
    /// How many values have begun.
    var count = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = bytes }

    mutating func parseText() -> Result<JSON, JSONError> {
        do throws(JSONError) {
            let value = try parseValue(depth: 0)
            skipWhitespace()
            guard position == bytes.count else { throw error("unexpected text after the value") }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

    private func peek() -> UInt8? { position < bytes.count ? unsafe bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSON {
        guard depth < JSON.maximumDepth else { throw error("nested too deeply") }
        count += 1
        guard count <= JSON.maximumValues else { throw error("too many values") }
        skipWhitespace()
        switch peek() {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case nil: throw error("unexpected end")
        case let byte? where byte == UInt8(ascii: "-") || byte.isASCIIDigit: return .number(try parseNumber())
        default: throw error("unexpected character")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { throw error("unexpected end") }
        for index in 0..<count where unsafe bytes[position + index] != word.utf8Start[index] { throw error("unexpected character") }
        position += count
        return value
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var members: [JSONObject.Member] = []
        skipWhitespace()
        if peek() == UInt8(ascii: "}") {
            position += 1
            return .object(JSONObject())
        }
        members.reserveCapacity(8)
        // Few members are compared pairwise; many would make that slow, and are kept in a set.
        var names: Set<String> = []
        while true {
            skipWhitespace()
            guard peek() == UInt8(ascii: "\"") else { throw error("expected a member name") }
            let name = try parseString()
            let isRepeated = members.count < 16 ? members.contains { $0.name == name } : names.contains(name)
            guard !isRepeated else { throw error("a member name is repeated") }
            skipWhitespace()
            guard peek() == UInt8(ascii: ":") else { throw error("expected a colon") }
            position += 1
            members.append(JSONObject.Member(name: name, value: try parseValue(depth: depth + 1)))
            if members.count == 16 { names = Set(members.map(\.name)) } else if members.count > 16 { names.insert(name) }
            skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(JSONObject(uniqueMembers: members))
            default: throw error("expected a comma or the object's end")
            }
        }
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var elements: [JSON] = []
        skipWhitespace()
        if peek() == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            elements.append(try parseValue(depth: depth + 1))
            skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw error("expected a comma or the array's end")
            }
        }
    }

    private mutating func parseNumber() throws(JSONError) -> String {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") { position += 1 } else { try skipDigits() }
        if peek() == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        guard position - start <= JSON.maximumNumberLength else { throw error("a number is too long") }
        return text(from: start, to: position)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek(), byte.isASCIIDigit { position += 1 }
        guard position > start else { throw error("expected a digit") }
    }

    private func text(from start: Int, to end: Int) -> String {
        unsafe String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)
    }

    /// The string, if it may be compared with others at no great cost.
    private func comparable(_ string: String) throws(JSONError) -> String {
        guard !string.hasTooManyMarks else { throw error("too many combining marks in a row") }
        return string
    }

    private mutating func parseString() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = peek() {
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                return try comparable(text(from: start, to: position))
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
            guard byte >= 0x20 else { throw error("a control character in a string") }
            position += 1
        }
        throw error("unexpected end")
    }

    /// Continues a string from its first escape; `start` is where its text begins.
    private mutating func parseEscapedString(from start: Int) throws(JSONError) -> String {
        var result = text(from: start, to: position)
        var runStart = position
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                result += text(from: runStart, to: position)
                position += 1
                return try comparable(result)
            case UInt8(ascii: "\\"):
                result += text(from: runStart, to: position)
                position += 1
                result.unicodeScalars.append(try parseEscape())
                runStart = position
            case 0..<0x20:
                throw error("a control character in a string")
            default:
                position += 1
            }
        }
        throw error("unexpected end")
    }

    private mutating func parseEscape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = peek() else { throw error("unexpected end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try parseHexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xDC00, peek() == UInt8(ascii: "\\") else { throw error("a lone surrogate") }
            position += 1
            guard peek() == UInt8(ascii: "u") else { throw error("a lone surrogate") }
            position += 1
            let second = try parseHexadecimal()
            guard (0xDC00..<0xE000).contains(second) else { throw error("a lone surrogate") }
            let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
            guard let scalar = Unicode.Scalar(value) else { throw error("a lone surrogate") }
            return scalar
        default: throw error("an unknown escape")
        }
    }

    private mutating func parseHexadecimal() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("expected a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
